"""The hyperparameters of a training job: strings from SageMaker's file in, typed settings out."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

from container import Paths, quoted, usable_cpus
from fleetcast.errors import InputError, OptionError, SettingError
from fleetcast.evaluation import Holdout
from fleetcast.forecasting import PROPHET_ARGUMENTS, CountryHolidays
from fleetcast.readings import ReadingOptions
from train import hyperparameters
from train.config import Config
from train.host import Host

READING = tuple(option.name for option in fields(ReadingOptions))
SAGEMAKER_PREFIX = "sagemaker_"
"""The SageMaker SDKs put settings of their own among the hyperparameters; they all begin like this."""
SEASONALITY = '[{"name": "monthly", "period": 30.5, "fourier_order": 5}]'
MEGABYTE = 1024 * 1024
PYTHON_WORDS = {"True": "true", "False": "false", "None": "null"}


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How a training job runs; see docs/reference/hyperparameters.md."""

    model: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `forecasting.fit` that the hyperparameters give, the same for every customer."""
    config: Config = field(default_factory=Config)
    """What the files of the channel `config` hold."""
    rows: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of `forecasting.fit` from those files: for all, or for one after `for_customer`."""
    digest: str = ""
    """Of those rows; empty where there are none."""
    country: CountryHolidays | None = None
    """A country's holidays that Prophet's own argument cannot express."""
    columns: tuple[str, ...] = ()
    """Columns of a customer's file that the model needs besides time and reading: regressors, conditions."""
    bounds: Mapping[str, float] = field(default_factory=dict)
    """`cap` and `floor` of logistic growth, for files without such a column."""
    reading: ReadingOptions = field(default_factory=ReadingOptions)
    """How the customers' files are written, where the files alone leave it in doubt."""
    non_negative: bool = False
    """Whether forecasts and their intervals are clipped at 0."""
    holdout: Holdout = field(default_factory=Holdout)
    """What is kept back of each history to measure the forecast; the model is then fitted to all."""
    customer_timeout_seconds: int = hyperparameters.CUSTOMER_TIMEOUT.read({})
    customer_memory_bytes: int = 0
    """The most address space that one worker may take; 0 is no limit."""
    max_failed_fraction: float = hyperparameters.MAX_FAILED_FRACTION.default
    max_fallback_fraction: float = hyperparameters.MAX_FALLBACK_FRACTION.default
    replace_with_fallback: bool = False
    """Whether a seasonal naive forecast may take the place of an archive that an engine fitted."""
    workers: int = 1

    @classmethod
    def from_files(cls, paths: Paths, host: Host | None = None) -> Self:
        """Read `hyperparameters.json` and the channel `config`.

        `container.SettingError` names what is unknown or malformed among the hyperparameters, `InputError`
        file, line and reason of what is wrong in the channel.
        """
        given = _read(paths.config / "hyperparameters.json")
        hyperparameters.check_names(given)
        config = Config.from_files(paths, host)
        if twice := sorted(config.names() & given.keys()):
            raise SettingError(f"{twice[0]} is a hyperparameter and a file of the channel config: keep one")
        model, country = _model(given)
        rows = _config_arguments(config)
        return cls(
            model=model,
            config=config,
            rows=rows,
            digest=config.digest_of(),
            country=country,
            columns=_columns(model, rows),
            bounds=_bounds(given),
            reading=_reading(given),
            non_negative=hyperparameters.NON_NEGATIVE.read(given),
            holdout=Holdout.parse(str(_value(hyperparameters.HOLDOUT.read(given)))),
            customer_timeout_seconds=hyperparameters.CUSTOMER_TIMEOUT.read(given),
            customer_memory_bytes=hyperparameters.CUSTOMER_MEMORY.read(given) * MEGABYTE,
            max_failed_fraction=hyperparameters.MAX_FAILED_FRACTION.read(given),
            max_fallback_fraction=hyperparameters.MAX_FALLBACK_FRACTION.read(given),
            replace_with_fallback=hyperparameters.REPLACE_WITH_FALLBACK.read(given),
            workers=usable_cpus(),
        )

    @property
    def arguments(self) -> dict[str, Any]:
        """Return the arguments of `forecasting.fit` that do not depend on the readings."""
        return dict(self.model) | dict(self.rows)

    @property
    def is_logistic(self) -> bool:
        """Whether the model needs `cap`, and may have `floor`."""
        return self.model.get("growth") == "logistic"

    def for_customer(self, customer: str) -> Self:
        """Return the settings for one customer: these, or these with the customer's own rows of files."""
        if customer not in self.config.own:
            return self
        rows = self.config.arguments_of(customer)
        return replace(
            self, rows=rows, digest=self.config.digest_of(customer), columns=_columns(self.model, rows)
        )

    def of_model(self) -> dict[str, Any]:
        """Return what decides, with a customer's data, what the archive holds."""
        given = dict(self.model) | dict(self.bounds)
        more = {
            "config": self.digest,
            "country_holidays": asdict(self.country) if self.country else None,
            "holdout": str(self.holdout) if self.holdout != Holdout() else None,
            "non_negative": self.non_negative,
            **{name: getattr(self.reading, name) for name in READING},
        }
        return given | {name: value for name, value in more.items() if value}


def _model(given: Mapping[str, str]) -> tuple[dict[str, Any], CountryHolidays | None]:
    """Return the arguments of `forecasting.fit`, and a country's holidays that have to be written out."""
    model = {name: _value(text) for name, text in given.items() if name in PROPHET_ARGUMENTS}
    regressors = _regressors(given)
    seasonalities = _rows("seasonalities", given, example=SEASONALITY)
    if regressors:
        model["extra_regressors"] = regressors
    if seasonalities:
        model["seasonalities"] = seasonalities
    if hyperparameters.KEEP_HISTORY.read(given):
        model["keep_history"] = True
    if "country_holidays" not in given:
        return model, None
    country = CountryHolidays.of(_value(given["country_holidays"]))
    if country.is_plain:
        model["country_holidays"] = country.country
        return model, None
    return model, country


def _config_arguments(config: Config) -> dict[str, Any]:
    try:
        return config.arguments_of()
    except SettingError as error:
        raise SettingError(f"channel config: {error}") from error


def _reading(given: Mapping[str, str]) -> ReadingOptions:
    """Return the options of the reader; a delimiter that is a blank or a tab stands for itself."""
    try:
        return ReadingOptions(**{name: given[name] for name in READING if name in given})
    except OptionError as error:
        raise SettingError(str(error)) from error


def _columns(model: Mapping[str, Any], rows: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the columns that regressors and conditions need in a customer's file."""
    arguments = dict(model) | dict(rows)
    names = [row["name"] for row in arguments.get("extra_regressors", ()) if "name" in row]
    conditions = [row.get("condition_name") for row in arguments.get("seasonalities", ())]
    return tuple(dict.fromkeys(map(str, names + [name for name in conditions if name])))


def _read(path: Path) -> dict[str, str]:
    """Return the hyperparameters with `_` for `-` in their names and without the SDKs' own."""
    if not path.is_file():
        return {}
    try:
        given = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(given, dict):
        raise InputError(f"{path} must hold a JSON object of names and texts")
    names = {name: name.replace("-", "_") for name in given}
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    if twice:
        raise SettingError(f"{quoted(twice[0])} is there with - and with _: keep one of them")
    texts = {
        names[name]: _unquoted(text) if isinstance(text, str) else json.dumps(text)
        for name, text in given.items()
        if not names[name].startswith(SAGEMAKER_PREFIX)
    }
    return {name: text for name, text in texts.items() if text != ""}


def _unquoted(text: str) -> str:
    """Return a text that an SDK has written as JSON, such as `";"` with the quotes, without them."""
    try:
        value = json.loads(text) if text.startswith('"') else text
    except ValueError:
        return text
    return value if isinstance(value, str) else text


def _value(text: str) -> Any:  # noqa: ANN401 -- forecasting.fit decides what an argument may be
    """Return what a text means: JSON where it is JSON (as the SDKs send it), Python's True, or the text."""
    try:
        return json.loads(PYTHON_WORDS.get(text, text))
    except ValueError:
        return text


def _regressors(given: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the arguments of `add_regressor` for each: names with commas between, or a JSON list."""
    value = _value(given.get("regressors", "[]"))
    if isinstance(value, str):
        return [{"name": name.strip()} for name in value.split(",") if name.strip()]
    return _rows("regressors", given, example='temperature,wind or [{"name": "wind", "prior_scale": 5}]')


def _rows(name: str, given: Mapping[str, str], *, example: str) -> list[dict[str, Any]]:
    rows = _value(given.get(name, "[]"))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise SettingError(f"{name} must look like {example}, not {quoted(given[name])}")
    return rows


def _bounds(given: Mapping[str, str]) -> dict[str, float]:
    """Return `cap` and `floor`, each where it is set."""
    numbers = {bound.name: bound.read(given) for bound in (hyperparameters.CAP, hyperparameters.FLOOR)}
    return {name: number for name, number in numbers.items() if number is not None}
