"""The file form of a global model: MessagePack, declared by structs, with the nodes of trees as bytes.

A node takes six bytes: what it looks at and its threshold or value.  The order of the nodes says which are
its children (see `trees`), so there are no indices that could lead astray.
"""

from typing import Annotated, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta

from fleetcast.errors import FutureError, ModelFormatError
from fleetcast.forecasting.calendar import parse_frequency
from fleetcast.global_model.model import GlobalModel, GlobalSettings, Kind, Part
from fleetcast.global_model.trees import MOST_FEATURES, MOST_NODES, Trees

MOST_BYTES: Final = 16 * 1024 * 1024
"""Most bytes of a stored model; 240 trees of depth 7 take about 0.3 MB."""
_COLUMN: Final = np.dtype("<u2")
_THRESHOLD: Final = np.dtype("<f4")

_Name = Annotated[str, Meta(min_length=1, max_length=100)]


class _StoredPart(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    features: Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=MOST_FEATURES)]
    base_score: float
    column: Annotated[bytes, Meta(max_length=MOST_NODES * _COLUMN.itemsize)]
    """What each node looks at, as `Trees.from_level_order` says; two bytes a node, little-endian."""
    threshold: Annotated[bytes, Meta(max_length=MOST_NODES * _THRESHOLD.itemsize)]
    """Thresholds of splits and values of leaves: float32, little-endian."""


class _StoredModel(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    format_version: Literal[1] = 1
    settings: GlobalSettings
    parts: Annotated[dict[Kind, _StoredPart], Meta(min_length=1)]


_DECODER: Final = msgspec.msgpack.Decoder(_StoredModel)


def write_global_model(model: GlobalModel) -> bytes:
    """Return the bytes of a model; equal models have equal bytes."""
    parts = {name: _stored(model.parts[name]) for name in sorted(model.parts)}
    return msgspec.msgpack.encode(_StoredModel(settings=model.settings, parts=parts))


def _stored(part: Part) -> _StoredPart:
    trees = part.trees
    return _StoredPart(
        features=part.features,
        base_score=trees.base_score,
        column=trees.column.astype(_COLUMN).tobytes(),
        threshold=trees.threshold.astype(_THRESHOLD).tobytes(),
    )


def read_global_model(content: bytes | bytearray) -> GlobalModel:
    """Return the model in the bytes that `write_global_model` wrote; raises ModelFormatError for others.

    Whatever the bytes are, what is returned can be evaluated within the limits of `Trees`.
    """
    if len(content) > MOST_BYTES:
        raise ModelFormatError(f"a global model must have at most {MOST_BYTES:,} bytes")
    try:
        stored = _DECODER.decode(content)
        parse_frequency(stored.settings.freq)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelFormatError(f"this is not a stored global model: {error}") from error
    except FutureError as error:
        raise ModelFormatError(f"settings.freq of a global model: {error}") from error
    parts = {name: _part(name, part) for name, part in stored.parts.items()}
    return GlobalModel(stored.settings, parts)


def _part(name: str, stored: _StoredPart) -> Part:
    if len(set(stored.features)) != len(stored.features):
        raise ModelFormatError(f"parts.{name} must have each feature once")
    if len(stored.column) % _COLUMN.itemsize or len(stored.threshold) % _THRESHOLD.itemsize:
        raise ModelFormatError(f"parts.{name} ends inside a node")
    try:
        trees = Trees.from_level_order(
            features=len(stored.features),
            base_score=stored.base_score,
            column=np.frombuffer(stored.column, _COLUMN),
            threshold=np.frombuffer(stored.threshold, _THRESHOLD),
        )
    except ModelFormatError as error:
        raise ModelFormatError(f"parts.{name}: {error}") from error
    return Part(trees, stored.features)
