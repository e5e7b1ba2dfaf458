"""Loads a model from an archive, or from the folder to which SageMaker extracted one.

Folders and archive files are opened without following links below the model store, so that nothing outside
it is ever read.  Errors say what is wrong with the archive, and never where it is.
"""

import io
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fleetcast.archive import Archive, read_folder, read_stream
from fleetcast.errors import ArchiveError, ModelFormatError, OwnCodeError
from fleetcast.forecasting import Model, SampledModel, loads, spacing
from fleetcast.global_model import GlobalModel, check_plain, read_global_model
from serving.errors import ModelNotFoundError, RequestError

DEFAULT_FREQ: Final = "D"
METADATA_FIELDS: Final = ("customer", "freq", "non_negative")
"""The fields of metadata.json that a forecast needs."""
MAX_CUSTOMER_CHARACTERS: Final = 1_024
"""A longer `customer` in metadata.json is cut."""
MAX_CHARACTERS_WITH_HISTORY: Final = 1024 * 1024
"""Largest model.json, in characters, whose history is kept: some 6,000 readings.  A larger one forecasts too,
but without `include_history`."""
_PROPHET_FIELD: Final = '"changepoint_prior_scale"'
"""Part of every model.json of Prophet, and of none of XGBoost."""
_MODEL_OVERHEAD_BYTES: Final = 2_048
"""Memory of a model besides its arrays: objects and numbers."""
_ARRAY_OVERHEAD_BYTES: Final = 112
"""Memory of an array besides its values."""
_OPEN_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK


class BringsOwnCodeError(RequestError):
    """The archive has code in place of a Prophet model, and the operator has not allowed to run it."""


@dataclass(frozen=True, slots=True, eq=False)
class Forecaster:
    """A model in memory, and the defaults of its forecasts from the archive's metadata."""

    model: Model | SampledModel | GlobalModel
    customer: str | None = None
    freq: str | None = DEFAULT_FREQ
    """The spacing of its history; None if stock Prophet has to infer it, or a global model has its own."""
    non_negative: bool = False
    """Whether its forecasts are at least 0."""

    @property
    def memory_bytes(self) -> int:
        """Current memory use, excluding settings and layout shared with other models."""
        model = self.model
        if isinstance(model, SampledModel):
            return _MODEL_OVERHEAD_BYTES + len(model.text)
        if isinstance(model, GlobalModel):
            return _MODEL_OVERHEAD_BYTES + model.memory_bytes
        return _MODEL_OVERHEAD_BYTES + _bytes_of_arrays(model)


def load(source: Path, *, store: Path) -> Forecaster:
    """Return the model of a folder or of an archive file below `store`.

    Raises `ModelNotFoundError`, `BringsOwnCodeError`, and `RequestError` for an archive that cannot be used.
    """
    return load_archive(read_below(source, store=store))


def read_below(source: Path, *, store: Path) -> Archive:
    """Return the texts of a folder or of an archive file below `store`; raises as `load` does."""
    with _opened(source, store=store) as descriptor:
        try:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                return read_folder(descriptor)
            with open(descriptor, "rb", closefd=False) as file:
                return read_stream(file)
        except (ArchiveError, OSError) as error:
            raise _request_error(error) from error


def load_archive(archive: Archive) -> Forecaster:
    """Return the model of an archive's texts; raises as `load` does."""
    try:
        return _loaded(archive)
    except ArchiveError as error:
        raise _request_error(error) from error


def load_folder(folder: Path, *, store: Path) -> Forecaster:
    """Return the model of a folder; see `load`."""
    return load(folder, store=store)


def load_packed(packed: bytes) -> Forecaster:
    """Return the model in the bytes of a `.tar.gz`; raises as `load` does."""
    try:
        return _loaded(read_stream(io.BytesIO(packed)))
    except ArchiveError as error:
        raise _request_error(error) from error


@contextmanager
def opened_below(folder: int, parts: tuple[str, ...]) -> Iterator[int]:
    """Open the file or folder that `parts` lead to from an open folder, without following a link.

    Raises OSError.  Every step is taken from the descriptor of the one before, so that a name exchanged
    meanwhile leads nowhere else.
    """
    at = os.dup(folder)
    try:
        for part in parts:
            at, before = os.open(part, _OPEN_FLAGS, dir_fd=at), at
            os.close(before)
        yield at
    finally:
        os.close(at)


@contextmanager
def _opened(source: Path, *, store: Path) -> Iterator[int]:
    parts = _parts_below(source, store)
    try:
        root = os.open(store, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    except OSError as error:
        raise ModelNotFoundError("there is no such folder in the model store") from error
    try:
        with opened_below(root, parts) as descriptor:
            mode = os.fstat(descriptor).st_mode
            if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
                raise RequestError("url must name a folder, or an archive")
            yield descriptor
    except OSError as error:
        raise _not_opened(error) from error
    finally:
        os.close(root)


def _parts_below(source: Path, store: Path) -> tuple[str, ...]:
    for root in (store, store.resolve()):
        if source.is_relative_to(root):
            parts = source.relative_to(root).parts
            if parts and ".." not in parts and "\0" not in str(source):
                return parts
    raise RequestError("url must name a folder in the model store")


def _not_opened(error: OSError) -> RequestError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        # some systems report a link at the end of the path as "not a directory"; it is not followed either
        return ModelNotFoundError("there is no such folder in the model store")
    return RequestError("url must name a folder in the model store that can be read; links are not followed")


def _loaded(archive: Archive) -> Forecaster:
    model = _model(archive.model, brings_code=archive.brings_code)
    metadata = archive.metadata
    return Forecaster(
        model,
        customer=_customer(metadata),
        freq=_freq(metadata, model),
        non_negative=metadata.get("non_negative") is True,
    )


def _model(content: str | bytes, *, brings_code: bool) -> Model | SampledModel | GlobalModel:
    if isinstance(content, bytes):
        return _global_model(content)
    try:
        return loads(content, keep_history=len(content) <= MAX_CHARACTERS_WITH_HISTORY)
    except ModelFormatError as error:
        if brings_code and _PROPHET_FIELD not in content:
            raise OwnCodeError("model.json is not Prophet's") from error
        raise ArchiveError(f"model.json: {error}") from error


def _global_model(content: bytes) -> GlobalModel:
    try:
        model = read_global_model(content)
        check_plain(model)
    except ModelFormatError as error:
        raise ArchiveError(f"global_model.msgpack: {error}") from error
    return model


def _customer(metadata: Mapping[str, Any]) -> str | None:
    customer = metadata.get("customer")
    return customer[:MAX_CUSTOMER_CHARACTERS] if isinstance(customer, str) and customer else None


def _freq(metadata: Mapping[str, Any], model: Model | SampledModel | GlobalModel) -> str | None:
    """Return the archive's `freq`, else the spacing of the last readings, else days.

    None means the model's own step: a global model counts it from the last reading, on whatever weekday.
    """
    if isinstance(model, GlobalModel):
        return None
    freq = metadata.get("freq")
    if isinstance(freq, str) and freq:
        return freq
    if isinstance(model, SampledModel):
        return None
    return spacing(model.last_dates.view("datetime64[us]")) or DEFAULT_FREQ


def _request_error(error: Exception) -> RequestError:
    if isinstance(error, OwnCodeError):
        return BringsOwnCodeError(
            "the archive has code, but no model.json of Prophet; its code runs only if the operator sets "
            "ALLOW_ARCHIVE_CODE=true"
        )
    reason = str(error) if isinstance(error, ArchiveError) else "it cannot be read"
    return RequestError(f"the model cannot be used: {reason}")


def _bytes_of_arrays(model: Model) -> int:
    arrays: list[Any] = [
        model.t_change,
        model.parameters.delta,
        model.parameters.beta,
        model.last_dates,
        model.residuals,
    ]
    if (history := model.history) is not None:
        arrays += [history.ds, history.y, history.dates, history.cap, history.floor]
        arrays += [*history.regressors.values(), *history.conditions.values()]
    for horizon in tuple(model.horizon_cache.values()):
        arrays += [horizon.rows.ds, horizon.X, horizon.t, *(horizon.lines or ()), *(horizon.deviations or ())]
    return sum(_ARRAY_OVERHEAD_BYTES + int(array.nbytes) for array in arrays if array is not None)
