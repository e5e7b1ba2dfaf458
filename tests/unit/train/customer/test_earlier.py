"""What a job believes of an archive in the checkpoints, which anybody may have written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fleetcast.archive import Archive, pack
from fleetcast.errors import ArchiveError
from train.channel import Customer
from train.customer.earlier import (
    FORMAT_VERSION,
    EarlierArchive,
    EarlierChoice,
    read_earlier,
    sent_archive,
)

SEEN = "2025-07-19T06:00:00"
END_OF_SECOND = int(np.datetime64(SEEN, "us").astype(np.int64)) + 999_999


def metadata(**changes: Any) -> dict[str, Any]:
    return {
        "customer": "7",
        "engine": "fleetcast",
        "format_version": FORMAT_VERSION,
        "freq": "D",
        "hyperparameters": {"models": "auto"},
        "last": SEEN,
        "metrics": {"members": {"prophet": 0.75, "median": 0.25}},
    } | changes


def choice(content: dict[str, Any], packed: bytes = b"") -> EarlierChoice:
    return EarlierChoice.in_archive(EarlierArchive(Archive("{}", content), packed), "7")


def test_the_choice_of_a_job_that_kept_nothing_saw_all_readings() -> None:
    found = choice(metadata()).incumbent

    assert found is not None
    assert found.weights == {"prophet": 0.75, "median": 0.25}
    assert (found.freq, found.seen_until) == ("D", END_OF_SECOND)


@pytest.mark.parametrize(("entry", "seen"), [({"seen_until": SEEN}, END_OF_SECOND), ({}, None)])
def test_a_choice_that_was_kept_saw_the_readings_of_the_job_that_made_it(
    entry: dict[str, str], seen: int | None
) -> None:
    found = choice(metadata(last="2026-01-01T00:00:00", incumbent=entry)).incumbent

    assert found is not None
    assert found.seen_until == seen


@pytest.mark.parametrize("engine", ["fleetcast", "prophet"])
def test_without_weights_prophets_model_forecast_alone_and_no_reading_decided(engine: str) -> None:
    found = choice(metadata(engine=engine, metrics={})).incumbent

    assert found is not None
    assert found.weights == {"prophet": 1.0}
    assert found.seen_until is None


def test_a_naive_archive_has_no_choice_and_no_problem() -> None:
    assert choice(metadata(engine="naive")) == EarlierChoice()


def test_weights_become_a_sum_of_one_and_then_stay() -> None:
    members = {"prophet": 0.333333, "median": 0.333333, "profile": 0.333333}
    first = choice(metadata(metrics={"members": members})).incumbent
    assert first is not None
    rounded = {name: round(weight, 6) for name, weight in first.weights.items()}

    second = choice(metadata(metrics={"members": rounded})).incumbent

    assert second is not None
    assert sum(first.weights.values()) == 1
    assert second.weights == pytest.approx(first.weights, abs=1e-15)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ({}, "train did not write it for this customer"),
        (metadata(customer="8"), "train did not write it for this customer"),
        (metadata(engine=["fleetcast"]), "train did not write it for this customer"),
        (metadata(format_version=FORMAT_VERSION - 1), "another version of Fleetcast wrote it"),
        (metadata(metrics={"members": {}}), "the weights are no shares of 1"),
        (metadata(metrics={"members": ["prophet"]}), "the weights are no shares of 1"),
        (metadata(metrics={"members": {"prophet": 0.5}}), "the weights are no shares of 1"),
        (metadata(metrics={"members": {"prophet": 2, "median": -1}}), "the weights are no shares of 1"),
        (metadata(metrics={"members": {"prophet": 10**400}}), "the weights are no shares of 1"),
        (metadata(metrics={"members": {"prophet": float("nan")}}), "the weights are no shares of 1"),
        (metadata(metrics={"members": {"prophet": "1"}}), "the weights are no shares of 1"),
        (metadata(last=None), "the last reading that it saw has no time"),
        (metadata(last="yesterday"), "the last reading that it saw has no time"),
        (metadata(incumbent={"seen_until": [1]}), "the last reading that it saw has no time"),
    ],
)
def test_what_is_no_choice_of_this_customer_has_a_problem(content: dict[str, Any], problem: str) -> None:
    found = choice(content)

    assert found.incumbent is None
    assert found.sha256 == ""
    assert problem in found.problem


@pytest.mark.parametrize("entry", [None, [], "kept", {"sha256": 7}, {"sha256": "\ud800"}])
def test_a_hash_is_a_text_whatever_the_metadata_say(entry: object) -> None:
    archive = EarlierArchive(Archive("{}", metadata(incumbent=entry)), b"")

    assert isinstance(archive.incumbent_sha256, str)


def test_the_hash_is_that_of_the_bytes() -> None:
    assert choice(metadata(), b"a").sha256 != choice(metadata(), b"b").sha256


def test_a_choice_counts_only_before_readings_that_it_has_not_seen() -> None:
    found = choice(metadata())

    assert found.before(np.datetime64("2025-07-19T06:00:01")) is found.incumbent
    assert found.before(np.datetime64(SEEN)) is None
    assert EarlierChoice().before(np.datetime64(SEEN)) is None


def test_no_archive_is_none_and_a_damaged_one_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "damaged.tar.gz").write_bytes(b"\x1f\x8b")

    assert read_earlier(Customer("absent", ()), tmp_path) is None
    with pytest.raises(ArchiveError):
        read_earlier(Customer("damaged", ()), tmp_path)


def test_an_archive_that_was_sent_with_the_customer_is_the_earlier_one_whatever_the_folder_has(
    tmp_path: Path,
) -> None:
    (tmp_path / "head").mkdir()
    packed = pack(Archive("{}", metadata()))
    (tmp_path / "head" / "7.tar.gz").write_bytes(packed)
    (tmp_path / "8.tar.gz").write_bytes(packed)

    with_archive = Customer("7", (), sent=sent_archive("7", tmp_path / "head"))
    without = Customer("8", (), sent=sent_archive("8", tmp_path / "head"))

    found = read_earlier(with_archive, tmp_path)
    assert found is not None
    assert found.packed == packed
    assert read_earlier(without, tmp_path) is None
