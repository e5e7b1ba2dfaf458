"""A stored global model comes back as it was; other bytes are refused, or evaluated within the limits."""

from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetcast.errors import FutureError, ModelFormatError
from fleetcast.forecasting import ForecastOptions
from fleetcast.forecasting.calendar import microseconds
from fleetcast.global_model import (
    GlobalModel,
    GlobalSettings,
    Part,
    check_plain,
    forecast_history,
    read_global_model,
    trees_of,
    write_global_model,
)
from testbed.global_models import global_model
from tests.unit.fleetcast.global_model.boosters import FEATURES, random_rows, trained, trees

NAMES = tuple(f"feature_{place}" for place in range(FEATURES))
X = random_rows(20, seed=9)


def model(rounds: int = 4, **parameters: Any) -> GlobalModel:
    parts = {
        "stacked": Part(trees(rounds, seed=1, **parameters), NAMES),
        "plain": Part(trees(rounds, seed=2, **parameters), NAMES[::-1]),
    }
    return GlobalModel(GlobalSettings(freq="h", horizon=48), parts)  # type: ignore[arg-type]


PLAIN = write_global_model(global_model())
STAMPS = microseconds(np.datetime64("2025-03-01T00") + np.arange(24 * 14))
STORED = write_global_model(model(max_depth=3))


def changed(**fields: Any) -> bytes:
    """Return the stored model with other fields in its plain part."""
    content = msgspec.msgpack.decode(STORED)
    content["parts"]["plain"] |= fields
    return msgspec.msgpack.encode(content)


def test_a_stored_model_comes_back_as_it_was() -> None:
    written = model()
    read = read_global_model(write_global_model(written))

    assert read.settings == written.settings
    assert list(read.parts) == ["plain", "stacked"]
    for kind, part in written.parts.items():
        assert read.parts[kind].features == part.features
        np.testing.assert_array_equal(read.parts[kind].trees.predict(X), part.trees.predict(X))


def test_equal_models_have_equal_bytes() -> None:
    assert write_global_model(model()) == write_global_model(read_global_model(write_global_model(model())))


def test_a_node_takes_six_bytes() -> None:
    booster = trained(rounds=100, max_depth=7)
    found = trees_of(booster.save_raw("json"))
    part = {"plain": Part(found, NAMES)}
    stored = write_global_model(GlobalModel(GlobalSettings(freq="h", horizon=48), part))  # type: ignore[arg-type]

    assert len(stored) < 6 * found.column.size + 500


def test_a_model_with_any_bit_flipped_is_refused_or_evaluated_in_bounds() -> None:
    accepted = 0
    with np.errstate(over="ignore"):
        for place in range(8 * len(STORED)):
            flipped = bytearray(STORED)
            flipped[place // 8] ^= 1 << place % 8
            with suppress(ModelFormatError):
                evaluate(read_global_model(flipped))
                accepted += 1

    assert 0 < accepted < 8 * len(STORED)


def evaluate(found: GlobalModel) -> None:
    for part in found.parts.values():
        x = np.resize(X, (20, len(part.features)))
        assert part.trees.predict(x).shape == (20,)


def test_a_model_cut_anywhere_is_refused() -> None:
    for length in range(len(STORED)):
        with pytest.raises(ModelFormatError):
            read_global_model(STORED[:length])


@given(st.data())
@settings(max_examples=300)
def test_a_model_with_other_bytes_in_it_is_refused_or_evaluated_in_bounds(data: st.DataObject) -> None:
    content = bytearray(STORED)
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place : place + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=12))

    with np.errstate(over="ignore"), suppress(ModelFormatError):
        evaluate(read_global_model(content))


@given(st.integers(0, 8 * len(PLAIN) - 1))
@settings(max_examples=300)
def test_a_plain_model_with_a_bit_flipped_is_refused_or_forecasts_numbers(place: int) -> None:
    content = bytearray(PLAIN)
    content[place // 8] ^= 1 << place % 8

    with np.errstate(all="ignore"), suppress(ModelFormatError, FutureError):
        found = read_global_model(content)
        check_plain(found)
        table = forecast_history(found, STAMPS, np.sin(np.arange(STAMPS.size)), ForecastOptions(60, None))
        assert all(np.isfinite(table[name]).all() for name in table if name != "ds")


@given(st.binary(max_size=2_000))
def test_any_bytes_are_refused(content: bytes) -> None:
    with pytest.raises(ModelFormatError):
        read_global_model(content)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"features": ["a"] * FEATURES}, "each feature once"),
        ({"features": []}, r"length >= 1.*parts"),
        ({"features": list(NAMES[1:])}, "parts.plain: a node of the trees looks at none of the 5 features"),
        ({"features": [f"f{place}" for place in range(1_001)]}, "length <= 1000"),
        ({"features": ["x" * 101]}, "length <= 100"),
        ({"column": b"\0"}, "ends inside a node"),
        ({"threshold": b"\0" * 6}, "ends inside a node"),
        ({"column": b"", "threshold": b""}, "1 to 1,000,000 nodes"),
        ({"column": b"\0" * 2_000_002}, "length <= 2000000"),
        ({"base_score": float("nan")}, "must be finite"),
        ({"other": 1}, "other"),
    ],
)
def test_a_part_that_is_no_trees_over_its_features_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelFormatError, match=reason):
        read_global_model(changed(**fields))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"format_version": 2}, "format_version"),
        ({"parts": {}}, "length >= 1"),
        ({"parts": {"other": 1}}, "other"),
        ({"settings": {"freq": "nonsense", "horizon": 48}}, "freq"),
    ],
)
def test_a_model_of_another_form_is_refused(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ModelFormatError, match=reason):
        read_global_model(msgspec.msgpack.encode(msgspec.msgpack.decode(STORED) | fields))


def test_more_bytes_than_the_limit_are_refused() -> None:
    with pytest.raises(ModelFormatError, match="at most 16,777,216 bytes"):
        read_global_model(bytes(16 * 1024 * 1024 + 1))
