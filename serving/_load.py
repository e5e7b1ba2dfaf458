"""A model folder or archive goes in, a model that can forecast comes out, or a refusal that says why."""

from pathlib import Path
from typing import TypeAlias

from archive import Archive, ArchiveError, read_folder
from forecasting import Model, ModelFormatError, SampledModel, loads
from serving._errors import ModelNotFoundError, RequestError

Forecaster: TypeAlias = Model | SampledModel

OWN_CODE = Path("code", "inference.py")


def load_folder(folder: Path, *, store: Path) -> Forecaster:
    """Return the model in `folder`, which must lie below `store`, links followed; raise a `RequestError`."""
    place = folder.resolve()
    if not place.is_relative_to(store.resolve()):
        raise RequestError(f"url must name a folder below {store}")
    if not place.is_dir():
        raise ModelNotFoundError("there is no such folder in the model store")
    for name in ("model.json", "metadata.json"):
        if not (place / name).resolve().is_relative_to(place):
            raise RequestError(f"{name} must not be a link to somewhere else")
    if (place / OWN_CODE).is_file() and not (place / "model.json").exists():
        raise RequestError(
            "the archive brings code of its own instead of a model.json; ALLOW_ARCHIVE_CODE=true runs it"
        )
    try:
        return load(read_folder(place))
    except ArchiveError as error:
        raise _refusal(error) from error


def load(archive: Archive) -> Forecaster:
    """Return the model of an archive; raise a `RequestError` where it cannot be used."""
    try:
        return loads(archive.model)
    except ModelFormatError as error:
        raise _refusal(error) from error


def _refusal(error: Exception) -> RequestError:
    return RequestError(f"the model cannot be used: {error}")
