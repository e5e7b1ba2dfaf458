"""What an archive says of the readings that its model takes: their columns, and how files are written."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from fleetcast.forecasting import Model, SampledModel
from fleetcast.readings import ReadingOptions
from fleetcast.readings.customer import BOUNDS
from train.settings import READING, TrainSettings


@dataclass(frozen=True, slots=True)
class _Needs:
    """What a model needs of each row."""

    growth: str
    regressors: tuple[str, ...]
    conditions: tuple[str, ...]

    @classmethod
    def of(cls, model: Model | SampledModel) -> Self:
        """Return what a model needs; raise ValueError or LookupError for a foreign text."""
        if isinstance(model, Model):
            regressors = tuple(regressor.name for regressor in model.layout.regressors)
            return cls(model.settings.growth, regressors, tuple(model.layout.conditions))
        content = json.loads(model.text)
        names = [row.get("condition_name") for row in content["seasonalities"][1].values()]
        conditions = tuple(dict.fromkeys(name for name in names if name))
        return cls(content["growth"], tuple(content["extra_regressors"][0]), conditions)


def settings_of_archive(
    model: Model | SampledModel, metadata: Mapping[str, Any], settings: TrainSettings
) -> TrainSettings:
    """Return the settings with what this model needs of its readings, as its training had it."""
    of_training = metadata.get("hyperparameters")
    texts = of_training if isinstance(of_training, Mapping) else {}
    reading = {name: str(texts[name]) for name in READING if name in texts}
    bounds = {name: float(texts[name]) for name in BOUNDS if isinstance(texts.get(name), int | float)}
    needs = _Needs.of(model)
    conditions = [{"condition_name": name} for name in needs.conditions]
    return replace(
        settings,
        model={"growth": needs.growth, "seasonalities": conditions},
        rows={},
        country=None,
        columns=(*needs.regressors, *needs.conditions),
        bounds=bounds if needs.growth == "logistic" else {},
        reading=settings.reading if settings.reading != ReadingOptions() else ReadingOptions(**reading),
        non_negative=bool(metadata.get("non_negative")),
    )
