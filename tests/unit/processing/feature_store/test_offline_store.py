"""Which readings of an offline store count."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from container import Paths
from fleetcast.errors import InputError, SettingError
from processing import Columns
from processing.feature_store import StoreInput
from processing.program import main, parse, process, store_of
from testbed.feature_store import FeatureStore
from tests.unit.raw import rejected, written

AT = datetime(2026, 1, 1, tzinfo=UTC)


def put(store: FeatureStore, customer: str, time: str, value: str | None, **more: str) -> None:
    store.put({"customer_id": customer, "timestamp": time, "consumption": value, **more})


def delete(store: FeatureStore, customer: str, time: str) -> None:
    store.put({"customer_id": customer, "timestamp": time}, deleted=True)


def read(
    base: Path, folder: Path, *, as_of: str = "", columns: Columns | None = None
) -> dict[str, list[str]]:
    paths = Paths(base / "ml")
    process(paths, columns or Columns(), store=StoreInput(f"{folder}/", as_of=as_of), replace=True)
    return written(paths)


def test_a_corrected_reading_has_the_value_that_was_put_last(tmp_path: Path) -> None:
    store = FeatureStore()
    put(store, "7", "2026-01-01T00:00:00.000Z", "1")
    put(store, "7", "2026-01-01T01:00:00.500Z", "2")
    store.write(tmp_path)
    put(store, "7", "2026-01-01T00:00:00.000Z", "3")

    assert read(tmp_path, store.write(tmp_path)) == {
        "7": ["2026-01-01 00:00:00,3.0", "2026-01-01 01:00:00.5,2.0"]
    }


def test_equal_times_in_two_forms_are_one_reading(tmp_path: Path) -> None:
    store = FeatureStore()
    put(store, "7", "2026-01-01T00:00:00Z", "1")
    put(store, "7", "2026-01-01T00:00:00.000Z", "2")

    assert read(tmp_path, store.write(tmp_path)) == {"7": ["2026-01-01 00:00:00,2.0"]}


def test_a_deletion_removes_what_is_not_later_than_it(tmp_path: Path) -> None:
    store = FeatureStore()
    for hour in range(4):
        put(store, "7", f"2026-01-01T0{hour}:00:00.000Z", str(hour))
        put(store, "8", f"2026-01-01T0{hour}:00:00.000Z", str(hour))
    delete(store, "7", "2026-01-01T02:00:00.000Z")
    put(store, "7", "2026-01-01T00:00:00.000Z", "5")  # its event time is before the deletion's
    folder = store.write(tmp_path)

    assert read(tmp_path, folder)["7"] == ["2026-01-01 03:00:00,3.0"]
    assert len(read(tmp_path, folder)["8"]) == 4

    put(store, "7", "2026-01-01T02:00:00.000Z", "6")  # equal event times: the later call counts

    assert read(tmp_path, store.write(tmp_path))["7"] == [
        "2026-01-01 02:00:00,6.0",
        "2026-01-01 03:00:00,3.0",
    ]


def test_as_of_reads_what_was_written_until_then(tmp_path: Path) -> None:
    store = FeatureStore()
    put(store, "7", "2026-01-01T00:00:00.000Z", "1")
    store.write(tmp_path, AT)
    put(store, "7", "2026-01-01T00:00:00.000Z", "2")
    store.write(tmp_path, AT + timedelta(hours=1))
    delete(store, "7", "2026-01-01T00:00:00.000Z")
    put(store, "8", "2026-01-01T00:00:00.000Z", "8")
    folder = store.write(tmp_path, AT + timedelta(hours=2))

    assert read(tmp_path, folder, as_of="2026-01-01 00:00:00") == {"7": ["2026-01-01 00:00:00,1.0"]}
    assert read(tmp_path, folder, as_of="2026-01-01 01:30:00") == {"7": ["2026-01-01 00:00:00,2.0"]}
    assert read(tmp_path, folder) == {"8": ["2026-01-01 00:00:00,8.0"]}


def test_event_times_in_seconds_are_read_to_the_millisecond(tmp_path: Path) -> None:
    types = {"meter": "Integral", "ds": "Fractional", "y": "Fractional"}
    store = FeatureStore(identifier="meter", event_time="ds", types=types)
    store.put({"meter": "7", "ds": "1769867100.123", "y": "1"})
    columns = Columns(customer_id="meter", timestamp="ds", value="y")

    assert read(tmp_path, store.write(tmp_path), columns=columns) == {"7": ["2026-01-31 13:45:00.123,1.0"]}


def test_a_feature_that_was_added_later_is_missing_before(tmp_path: Path) -> None:
    store = FeatureStore()
    put(store, "7", "2026-01-01T00:00:00.000Z", "1")
    store.write(tmp_path)
    store.types = {**store.types, "temperature": "Fractional"}
    put(store, "7", "2026-01-01T01:00:00.000Z", "2", temperature="20")
    folder = store.write(tmp_path)

    columns = Columns(regressors=("temperature",))
    assert read(tmp_path, folder, columns=columns) == {"7": ["2026-01-01 01:00:00,2.0,20.0"]}
    (row,) = rejected(Paths(tmp_path / "ml"))
    assert row[1:] == (1, "7,2026-01-01 00:00:00,1,", "temperature '' is missing")


def test_a_reading_without_a_value_or_a_time_is_rejected_not_lost(tmp_path: Path) -> None:
    store = FeatureStore()
    put(store, "7", "2026-01-01T00:00:00.000Z", "1")
    put(store, "7", "2026-01-01T01:00:00.000Z", None)
    folder = store.write(tmp_path)
    parquet = folder / "other.parquet"
    duckdb.sql(
        f"""COPY (SELECT '7' customer_id, t "timestamp", 5.0 consumption, false is_deleted,
        now()::TIMESTAMP write_time, now()::TIMESTAMP api_invocation_time
        FROM (VALUES ('soon'), ('later')) times(t)) TO '{parquet}'"""  # noqa: S608
    )
    delete(store, "7", "2025-01-01T00:00:00.000Z")
    store.write(tmp_path)

    assert read(tmp_path, folder.parent.parent) == {"7": ["2026-01-01 00:00:00,1.0"]}
    assert sorted(row[2] for row in rejected(Paths(tmp_path / "ml"))) == [
        "7,2026-01-01 01:00:00,",
        "7,later,5",
        "7,soon,5",
    ]


class Row(NamedTuple):
    customer: str
    time: int
    invoked: int
    written: int
    deleted: bool


def counting(rows: list[Row], as_of: int) -> dict[tuple[str, int], Row]:
    """Return the readings that count: the rule in plain Python."""
    latest: dict[tuple[str, int], Row] = {}
    marker: dict[str, Row] = {}
    for row in rows:
        if row.written > as_of:
            continue
        key = (row.customer, row.time)
        if key not in latest or row[2:4] > latest[key][2:4]:
            latest[key] = row
        if row.deleted and (row.customer not in marker or row[1:4] > marker[row.customer][1:4]):
            marker[row.customer] = row
    return {
        key: row
        for key, row in latest.items()
        if row.customer not in marker or row[1:4] > marker[row.customer][1:4]
    }


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(Row, st.sampled_from("ab"), *[st.integers(0, 3)] * 3, st.booleans()),
        max_size=25,
        unique=True,
    ),
    st.integers(0, 3),
)
def test_the_rule_is_that_of_the_plain_model(
    tmp_path_factory: pytest.TempPathFactory, rows: list[Row], as_of: int
) -> None:
    base = tmp_path_factory.mktemp("store")
    folder = base / "data"
    folder.mkdir()
    # customer z keeps the input from being empty
    for name, part in (("a", rows[::2]), ("b", [*rows[1::2], Row("z", 0, 0, 0, deleted=False)])):
        (folder / f"{name}.json").write_text("\n".join(json.dumps(_as_record(row)) for row in part))
        if part:
            duckdb.sql(
                f"""COPY (SELECT * REPLACE (CAST(write_time AS TIMESTAMP) AS write_time)
                FROM read_json('{folder}/{name}.json')) TO '{folder}/{name}.parquet'"""  # noqa: S608
            )
    expected: dict[str, list[str]] = {"z": ["2026-01-01 00:00:00,0.0"]}
    for (customer, time), row in sorted(counting(rows, as_of).items()):
        value = float(row.invoked * 10 + row.written)
        expected.setdefault(customer, []).append(f"2026-01-01 0{time}:00:00,{value}")

    assert read(base, folder, as_of=f"2026-02-01 00:00:0{as_of}") == expected


def _as_record(row: Row) -> dict[str, Any]:
    return {
        "customer_id": row.customer,
        "timestamp": f"2026-01-01T0{row.time}:00:00.000Z",
        "consumption": None if row.deleted else float(row.invoked * 10 + row.written),
        "is_deleted": row.deleted,
        "api_invocation_time": f"2026-01-31T00:00:0{row.invoked}",
        "write_time": f"2026-02-01T00:00:0{row.written}",
    }


def test_what_is_no_offline_store_is_refused_with_the_reason(tmp_path: Path) -> None:
    plain, two, iceberg = tmp_path / "plain", tmp_path / "two", tmp_path / "iceberg"
    plain.mkdir()
    duckdb.sql(f"COPY (SELECT 1 customer_id) TO '{plain}/a.parquet'")
    for store in (FeatureStore(group="a"), FeatureStore(group="b"), FeatureStore()):
        put(store, "7", "2026-01-01T00:00:00.000Z", "1")
        store.write(iceberg if store.group == "readings" else two)
    (iceberg / "metadata").mkdir()
    (iceberg / "metadata" / "1.metadata.json").write_text("{}")
    (plain / "damaged").mkdir()
    (plain / "damaged" / "b.parquet").write_bytes(b"PAR1PAR1")

    with pytest.raises(
        InputError, match="no column is_deleted and no column write_time and no column api_inv"
    ):
        read(tmp_path, _moved(plain / "a.parquet", tmp_path / "moved"))
    with pytest.raises(
        InputError, match=r"several offline stores .*a-1700000000/data.*: name the folder of one"
    ):
        read(tmp_path, two)
    with pytest.raises(InputError, match="Iceberg"):
        read(tmp_path, iceberg)
    with pytest.raises(InputError, match="cannot be read"):
        read(tmp_path, plain / "damaged")
    with pytest.raises(InputError, match=r"no .parquet file|no readings"):
        read(tmp_path, tmp_path / "nowhere")


def _moved(path: Path, folder: Path) -> Path:
    folder.mkdir()
    path.rename(folder / path.name)
    return folder


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--as-of", "2026-01-01"], "--as-of belongs to --from-feature-store"),
        (["--from-feature-store", "a b"], "must be a feature group's name or ARN"),
        (["--from-feature-store", "a", "--as-of", "soon"], "--as-of must be a time"),
    ],
)
def test_options_that_exclude_each_other_are_refused(arguments: list[str], reason: str) -> None:
    with pytest.raises(SettingError, match=reason):
        store_of(parse(arguments))


def test_the_program_reads_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FeatureStore()
    put(store, "7", "2026-01-01T00:00:00.000Z", "1")
    monkeypatch.setenv("SAGEMAKER_BASE_DIR", str(tmp_path / "ml"))
    folder = store.write(tmp_path)
    monkeypatch.setattr("sys.argv", ["process", "--from-feature-store", str(folder), "--as-of", "2200-01-01"])

    assert main() == 0
    assert written(Paths(tmp_path / "ml")) == {"7": ["2026-01-01 00:00:00,1.0"]}
