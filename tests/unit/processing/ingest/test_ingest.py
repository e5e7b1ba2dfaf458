"""What `ingest` puts into a feature group, and what becomes of records that fail."""

import os
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.sagemaker.models import FeatureGroup, sagemaker_backends

from container import Paths
from fleetcast.errors import InputError, SettingError
from processing import Columns
from processing.feature_store import StoreInput
from processing.ingest import send
from processing.ingest.group_setup import NewGroup
from processing.ingest.job import Counts, ingest
from processing.ingest.program import new_group, parser, settings_of
from processing.ingest.settings import IngestSettings
from processing.program import process
from testbed.feature_store import Faults, FeatureStore, feature_store
from tests.aws import ACCOUNT, moto
from tests.unit.raw import HEADER, raw, rejected, written

NEW = NewGroup(role_arn="arn:aws:iam::123456789012:role/feature-store", s3_uri="s3://fleet/features")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait little between the rounds."""
    monkeypatch.setattr(send, "FIRST_PAUSE_SECONDS", 0.01)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[FeatureStore]:
    with moto() as environment, feature_store() as server:
        for name, value in (environment | server.environment).items():
            monkeypatch.setenv(name, value)
        yield server


def described() -> dict[str, Any]:
    description: dict[str, Any] = boto3.client("sagemaker").describe_feature_group(
        FeatureGroupName="readings"
    )
    return description


def run(
    paths: Paths, columns: Columns | None = None, *, new: NewGroup | None = NEW, **settings: Any
) -> Counts:
    return ingest(paths, columns or Columns(), IngestSettings(group="readings", **settings), new=new)


def back(paths: Paths, store: FeatureStore, **columns: Any) -> dict[str, list[str]]:
    """Return what `process` reads from the store."""
    other = Paths(paths.base / "back")
    folder = store.write(paths.base / "store")
    process(other, Columns(**columns), store=StoreInput(str(folder)), replace=True)
    return written(other)


def test_each_reading_becomes_a_record_of_the_offline_store(tmp_path: Path, store: FeatureStore) -> None:
    store.identifier, store.event_time = "meter", "ds"
    store.types = {"meter": "String", "ds": "String", "y": "Fractional", "temperature": "Fractional"}
    paths = raw(
        tmp_path,
        "meter,ds,y,temperature\n7,2026-01-01T01:00+01:00,5,20.5\n7,2026-01-01 00:30:00.25,6,21\n"
        "ü,2026-01-02,-1e-3,0\n",
    )
    columns = {"customer_id": "meter", "timestamp": "ds", "value": "y", "regressors": ("temperature",)}

    counts = run(paths, Columns(**columns))

    assert counts == Counts(put=3)
    assert [record for record, *_ in store.stored] == [
        {"meter": "7", "ds": "2026-01-01T00:00:00.000Z", "y": "5.0", "temperature": "20.5"},
        {"meter": "7", "ds": "2026-01-01T00:30:00.250Z", "y": "6.0", "temperature": "21.0"},
        {"meter": "ü", "ds": "2026-01-02T00:00:00.000Z", "y": "-0.001", "temperature": "0.0"},
    ]
    assert back(paths, store, **columns) == {
        "7": ["2026-01-01 00:00:00,5.0,20.5", "2026-01-01 00:30:00.25,6.0,21.0"],
        "ü": ["2026-01-02 00:00:00,-0.001,0.0"],
    }


def test_a_group_is_created_once_with_what_the_options_say(tmp_path: Path, store: FeatureStore) -> None:
    paths = raw(tmp_path, HEADER + "7,2026-01-01,5\n")
    new = NewGroup(
        role_arn=NEW.role_arn,
        s3_uri=NEW.s3_uri,
        kms_key="arn:aws:kms:us-east-1:123456789012:key/1",
        description="of meters",
        tags=(("team", "energy"),),
    )

    run(paths, new=new)
    run(paths, new=new)

    group = described()
    assert group["FeatureDefinitions"] == [
        {"FeatureName": "customer_id", "FeatureType": "String"},
        {"FeatureName": "timestamp", "FeatureType": "String"},
        {"FeatureName": "consumption", "FeatureType": "Fractional"},
    ]
    assert (group["RecordIdentifierFeatureName"], group["EventTimeFeatureName"]) == (
        "customer_id",
        "timestamp",
    )
    assert group["RoleArn"] == NEW.role_arn
    storage = group["OfflineStoreConfig"]["S3StorageConfig"]
    assert (storage["S3Uri"], storage["KmsKeyId"]) == (NEW.s3_uri, new.kms_key)
    assert "OnlineStoreConfig" not in group
    (kept,) = sagemaker_backends[ACCOUNT]["us-east-1"].feature_groups.values()  # it lists no tags of groups
    assert kept.tags == [{"Key": "team", "Value": "energy"}]
    assert store.calls == {"BatchWriteRecord": 1}


def test_a_group_that_does_not_fit_is_refused_before_anything_is_put(
    tmp_path: Path, store: FeatureStore
) -> None:
    boto3.client("sagemaker").create_feature_group(
        FeatureGroupName="readings",
        RecordIdentifierFeatureName="customer_id",
        EventTimeFeatureName="timestamp",
        FeatureDefinitions=[
            {"FeatureName": name, "FeatureType": kind}
            for name, kind in {
                "customer_id": "String",
                "timestamp": "String",
                "consumption": "Integral",
                "humidity": "Fractional",
            }.items()
        ],
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": NEW.s3_uri}},
        RoleArn=NEW.role_arn,
    )
    paths = raw(tmp_path, "customer_id,timestamp,consumption,temperature\n7,2026-01-01,5,20\n")

    with pytest.raises(InputError) as error:
        run(paths, Columns(regressors=("temperature",)), new=None)

    assert str(error.value) == (
        "the feature group 'readings' does not fit the readings: its feature 'consumption' is Integral, and "
        "readings are Fractional; it has no feature 'temperature'; its features are 'customer_id', "
        "'timestamp', 'consumption', 'humidity'; it also has 'humidity', which the records would leave "
        "empty: name them with --regressors"
    )
    assert store.calls == {}


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (["Creating", "Created"], ""),
        (["CreateFailed"], "cannot be used, its status is CreateFailed: no permission"),
        (["Deleting"], "cannot be used, its status is Deleting: no permission"),
    ],
)
def test_a_group_is_used_once_it_is_created(
    tmp_path: Path, store: FeatureStore, monkeypatch: pytest.MonkeyPatch, status: list[str], error: str
) -> None:
    def describe(group: FeatureGroup) -> dict[str, Any]:
        reason = {} if error == "" else {"FailureReason": "no permission"}
        return described(group) | {"FeatureGroupStatus": status.pop(0)} | reason

    described = FeatureGroup.describe  # moto's own groups are created at once
    monkeypatch.setattr(FeatureGroup, "describe", describe)
    monkeypatch.setattr("processing.ingest.group_setup.POLL_SECONDS", 0.01)
    paths = raw(tmp_path, rows(10))

    if error:
        with pytest.raises(InputError, match=error):
            run(paths)
        assert store.calls == {}
    else:
        assert run(paths) == Counts(put=10)
    assert status == []


def test_a_column_that_cannot_be_a_feature_is_refused(tmp_path: Path, store: FeatureStore) -> None:
    paths = raw(tmp_path, "customer_id,timestamp,kWh used\n7,2026-01-01,5\n")

    with pytest.raises(SettingError, match="the column 'kWh used' cannot be a feature: rename it"):
        run(paths, Columns(value="kWh used"))
    assert store.calls == {}


def test_a_group_with_event_times_in_seconds_gets_them(tmp_path: Path, store: FeatureStore) -> None:
    boto3.client("sagemaker").create_feature_group(
        FeatureGroupName="readings",
        RecordIdentifierFeatureName="customer_id",
        EventTimeFeatureName="timestamp",
        FeatureDefinitions=[
            {"FeatureName": "customer_id", "FeatureType": "String"},
            {"FeatureName": "timestamp", "FeatureType": "Fractional"},
            {"FeatureName": "consumption", "FeatureType": "Fractional"},
        ],
        OfflineStoreConfig={"S3StorageConfig": {"S3Uri": NEW.s3_uri}},
        RoleArn=NEW.role_arn,
    )
    store.types = {**store.types, "timestamp": "Fractional"}
    paths = raw(tmp_path, HEADER + "7,2026-01-31 13:45:00.123,5\n7,1969-12-31 23:59:58.5,6\n")

    run(paths, new=None)

    assert [record["timestamp"] for record, *_ in store.stored] == ["1769867100.123", "-1.500"]
    assert back(paths, store) == {"7": ["1969-12-31 23:59:58.5,6.0", "2026-01-31 13:45:00.123,5.0"]}


def test_of_equal_customer_and_time_the_last_row_counts(tmp_path: Path, store: FeatureStore) -> None:
    paths = raw(tmp_path, HEADER + "7,2026-01-01,1\n7,2026-01-01,2\n", "a.csv")
    raw(tmp_path, HEADER + "7,2026-01-01,3\n8,2026-01-01,4\n8,2026-01-01,4\n", "b.csv")

    assert run(paths) == Counts(put=3, repeated=2)
    assert back(paths, store) == {"7": ["2026-01-01 00:00:00,3.0"], "8": ["2026-01-01 00:00:00,4.0"]}


def test_rows_that_cannot_be_records_are_rejected_and_the_others_put(
    tmp_path: Path, store: FeatureStore
) -> None:
    paths = raw(tmp_path, HEADER + "7,2026-01-01,1\n7,2026-01-02,x\n7,2026-01-03 00:00:00.0001,3\n")

    assert run(paths) == Counts(put=1)
    assert rejected(paths) == [
        ("raw.csv", 3, "7,2026-01-02,x", "consumption 'x' is not a number"),
        (
            "raw.csv",
            4,
            "7,2026-01-03 00:00:00.0001,3.0",
            "the time has more digits than milliseconds, which are all that Feature Store holds",
        ),
    ]
    assert len(store.stored) == 1


def rows(count: int, *, customers: int = 20) -> str:
    return HEADER + "".join(
        f"c{row % customers},2026-01-01T{row // customers // 60:02}:{row // customers % 60:02},{row}\n"
        for row in range(count)
    )


@pytest.mark.parametrize("per_call", [25, 7, 1])
def test_what_fails_for_a_while_is_sent_again(tmp_path: Path, store: FeatureStore, per_call: int) -> None:
    store.faults = Faults(throttled=0.03, broken=0.02, dropped=0.02, unprocessed=0.05, failing=0.02)
    paths = raw(tmp_path, rows(500))

    assert run(paths, per_call=per_call, threads=8) == Counts(put=500)
    expected = Paths(tmp_path / "plain")
    raw(expected.base, rows(500))
    process(expected, Columns())
    assert back(paths, store) == written(expected)
    assert set(store.calls) == {"PutRecord" if per_call == 1 else "BatchWriteRecord"}


@pytest.mark.parametrize("per_call", [25, 1])
@pytest.mark.parametrize("whole_call", [True, False])
def test_a_refused_record_fails_alone_and_is_kept_with_line_and_reason(
    tmp_path: Path, store: FeatureStore, monkeypatch: pytest.MonkeyPatch, per_call: int, *, whole_call: bool
) -> None:
    if whole_call:
        monkeypatch.setattr("testbed.feature_store.REFUSES_WHOLE_CALLS", True)
    store.faults = Faults(refuses=lambda record: "ValidationError" if record["customer_id"] == "c3" else None)
    paths = raw(tmp_path, rows(60))

    with pytest.raises(InputError, match="3 of 60 records failed, more than --max-failed-fraction 0 allows"):
        run(paths, per_call=per_call)

    assert rejected(paths) == [
        (
            "raw.csv",
            line,
            f"c3,2026-01-01T00:0{minute}:00.000Z,{minute * 20 + 3}.0",
            "ValidationError: refused",
        )
        for minute, line in ((0, 5), (1, 25), (2, 45))
    ]
    assert len(store.stored) == 57
    assert run(paths, per_call=per_call, max_failed_fraction=0.05) == Counts(put=57, failed=3)

    store.faults = Faults()
    assert run(paths, per_call=per_call) == Counts(put=60)
    assert rejected(paths) == []
    assert run(paths, per_call=per_call) == Counts(earlier=60)


def test_a_record_that_fails_in_all_rounds_is_kept_as_failed(
    tmp_path: Path, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "ROUNDS", 2)
    store.faults = Faults(refuses=lambda record: "InternalFailure" if record["customer_id"] == "c3" else None)
    paths = raw(tmp_path, rows(60))

    assert run(paths, max_failed_fraction=0.05) == Counts(put=57, failed=3)

    assert [line for _, line, *_ in rejected(paths)] == [5, 25, 45]
    assert {reason for *_, reason in rejected(paths)} == {"InternalFailure: refused"}
    assert store.calls["BatchWriteRecord"] == 3 + 2  # the last batch has no such record


def test_a_second_run_sends_what_the_first_did_not_put(
    tmp_path: Path, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processing.ingest.job.RECORDS_PER_PART", 50)
    paths = raw(tmp_path, rows(200))
    assert run(paths) == Counts(put=200)
    first = back(paths, store)

    assert run(paths) == Counts(earlier=200)

    text = rows(200).replace("c0,2026-01-01T00:05,100\n", "c0,2026-01-01T00:05,-100\n")
    raw(tmp_path, text)
    assert run(paths) == Counts(put=100, earlier=100)
    assert run(paths) == Counts(earlier=200)
    assert back(paths, store)["c0"] == [line.replace(",100.0", ",-100.0") for line in first["c0"]]

    raw(tmp_path, rows(200))  # the first readings are no longer the last that were put
    assert run(paths) == Counts(put=100, earlier=100)
    assert back(paths, store) == first


def test_a_second_run_sends_a_part_that_failed_and_those_after_it(
    tmp_path: Path, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processing.ingest.job.RECORDS_PER_PART", 50)
    store.faults = Faults(refuses=lambda record: "Refused" if record["consumption"] == "77.0" else None)
    paths = raw(tmp_path, rows(200))
    assert run(paths, max_failed_fraction=0.01) == Counts(put=199, failed=1)
    store.faults = Faults()

    assert run(paths) == Counts(put=150, earlier=50)
    assert run(paths) == Counts(earlier=200)


def test_the_program_waits_for_the_offline_store_if_it_put_records(
    tmp_path: Path, store: FeatureStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    paths = raw(tmp_path, rows(10))
    assert store.url

    run(paths, wait_minutes=0.001)
    assert caplog.text.count("waiting 0.001 minutes for the offline store") == 1
    run(paths, wait_minutes=0.001)
    assert caplog.text.count("waiting") == 1


def test_another_group_of_the_same_name_is_filled_anew(tmp_path: Path, store: FeatureStore) -> None:
    paths = raw(tmp_path, rows(30))
    run(paths)
    reset = f"{os.environ['AWS_ENDPOINT_URL']}/moto-api/reset"  # moto deletes no single group
    urllib.request.urlopen(urllib.request.Request(reset, method="POST")).close()

    assert run(paths) == Counts(put=30)
    assert len(store.stored) == 60


def test_a_deletion_removes_a_customers_readings_up_to_its_time(tmp_path: Path, store: FeatureStore) -> None:
    paths = raw(
        tmp_path, HEADER + "".join(f"{name},2026-01-0{day},1\n" for name in "ab" for day in (1, 2, 3))
    )
    run(paths)

    raw(tmp_path, "customer_id,timestamp\na,2026-01-02\n")
    assert run(paths, new=None, deletes=True) == Counts(put=1)

    kept = back(paths, store)
    assert kept["a"] == ["2026-01-03 00:00:00,1.0"]
    assert len(kept["b"]) == 3
    assert store.calls["DeleteRecord"] == 1


def test_a_store_that_does_not_answer_ends_the_program(
    tmp_path: Path, store: FeatureStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "ROUNDS", 2)
    monkeypatch.setattr(send, "CALLS_OF_AN_OUTAGE", 4)
    store.faults = Faults(failing=1.0)
    paths = raw(tmp_path, rows(500))

    with pytest.raises(InputError, match="Feature Store took no record of the last 4 calls: InternalFailure"):
        run(paths, threads=1)

    assert store.calls["BatchWriteRecord"] == 8
    store.faults = Faults()
    assert run(paths) == Counts(put=500)


def test_an_error_of_the_account_ends_the_program_at_once(tmp_path: Path, store: FeatureStore) -> None:
    store.faults = Faults(refuses=lambda _: "AccessDeniedException")
    paths = raw(tmp_path, rows(500))

    with pytest.raises(
        InputError, match=r"took no more records: AWS answered AccessDeniedException: .*the role"
    ):
        run(paths, threads=1, per_call=1)
    assert store.calls["PutRecord"] == 1


def test_nothing_is_put_if_a_file_is_damaged(tmp_path: Path, store: FeatureStore) -> None:
    paths = raw(tmp_path, rows(30), "a.csv")
    raw(tmp_path, b"\x1f\x8b\x08damaged", "b.csv.gz")

    with pytest.raises(InputError, match=r"b.csv.gz"):
        run(paths)
    assert store.calls == {}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("--threads 0", "--threads must be from 1 to 128, not 0"),
        ("--records-per-call 26", "--records-per-call must be from 1 to 25, not 26"),
        ("--max-failed-fraction 2", "--max-failed-fraction must be from 0 to 1, not 2.0"),
        ("--wait-minutes 61", "--wait-minutes must be from 0 to 60, not 61.0"),
        ("--kms-key k", "--kms-key belongs to --create"),
        ("--create --s3-uri s3://b", "--create needs --role-arn"),
        ("--create --s3-uri s3://b --role-arn r --tag team", "--tag must look like team=energy, not 'team'"),
        ("--create --s3-uri s3://b --role-arn r --delete", "--create and --delete exclude each other"),
    ],
)
def test_options_that_are_wrong_or_exclude_each_other_are_refused(given: str, reason: str) -> None:
    options = parser().parse_args(["--feature-group", "readings", *given.split()])

    with pytest.raises(SettingError) as error:
        (settings_of(options), new_group(options))

    assert str(error.value) == reason
