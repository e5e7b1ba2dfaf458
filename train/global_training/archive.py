"""What the training of global models leaves a job: settings for its customers, and one more archive."""

from dataclasses import dataclass

from fleetcast.archive import GLOBAL_NAME, Archive, pack
from fleetcast.global_model import GlobalModel, write_global_model
from train.settings import TrainSettings


@dataclass(frozen=True, slots=True)
class GlobalTraining:
    """The outcome of a training."""

    settings: TrainSettings
    """Those of the job, with the models if there are some."""
    packed: bytes = b""
    """The archive of the newest model, which forecasts customers that have none; empty without a model."""


def packed_model(model: GlobalModel, *, non_negative: bool) -> bytes:
    """Return the bytes of the archive of a global model; `non_negative` is the hyperparameter."""
    metadata = {"customer": GLOBAL_NAME, "freq": model.settings.freq}
    floor = {"non_negative": True} if non_negative else {}
    return pack(Archive(write_global_model(model), metadata | floor))
