import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container import Paths
from fleetcast.archive import read_archive
from fleetcast.errors import InputError, ReadingsError
from fleetcast.readings.customer import parse_readings
from train.channel import find_customers
from train.program import TrainingError, train
from train.settings import TrainSettings

DAYS = "".join(f"2025-01-{day:02} 06:00:00,{10 + day * day * 3 % 11}\n" for day in range(1, 31))
GOOD = "timestamp,consumption\n" + DAYS


def channel(base: Path, files: dict[str, str], name: str = "train") -> Paths:
    paths = Paths(base)
    for file, content in files.items():
        path = paths.channels / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return paths


def history(content: str | bytes) -> tuple[list[str], list[float]]:
    content = content if isinstance(content, bytes) else content.encode()
    readings = parse_readings([Path("data.csv")], [content])
    return np.datetime_as_string(readings.ds, "s").tolist(), readings.y.tolist()


@pytest.mark.parametrize(
    "content",
    [
        "timestamp,consumption\n2025-01-01 06:00:00,1\n",
        "\ufefftimestamp,consumption\r\n2025-01-01T06:00:00,1.0\r\n\r\n",
        "extra,y,ds\nx,1,2025-01-01 06:00\n",
        "2025-01-01 06:00:00,1\n",
        '"timestamp","consumption"\n"2025-01-01 06:00:00","1"\n',
    ],
)
def test_a_customers_file_may_look_like_any_of_these(content: str) -> None:
    assert history(content) == (["2025-01-01T06:00:00"], [1.0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no readings"),
        ("timestamp,consumption\n", "no readings"),
        ("a,b\n1,2\n", "needs the columns timestamp and consumption"),
        ("timestamp,consumption\n2025-01-01\n", r"data\.csv, line 2 has too few cells, 1 of 2"),
        ("timestamp,consumption\nsoon,1\n", "'soon' is not a time"),
        ("timestamp,consumption\n,1\n", "without a time"),
        ("timestamp,consumption\n2025-01-01,lots\n", "'lots' is not a number"),
        ("timestamp,consumption\n2025-01-01,inf\n", "infinite number"),
        (b"\xff\xfe\x00", "not a UTF-16 CSV file"),
    ],
)
def test_a_bad_file_says_what_is_wrong_with_it(content: str | bytes, message: str) -> None:
    with pytest.raises(ReadingsError, match=message):
        history(content)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.one_of(
    NUMBERS.map(repr), NUMBERS.map("{:.3f}".format), st.sampled_from(["1", "+1", ".5", "1.", "007"])
)


@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_a_number_is_read_to_its_last_bit_however_it_is_written(texts: list[str]) -> None:
    found = history("".join(f"2025-01-01,{text}\n" for text in texts))[1]

    assert [value.hex() for value in found] == [float(text).hex() for text in texts]


@pytest.mark.parametrize("cell", ["1]", "[1", "nul", "true", '{"a":1}', "1 2", "0x10"])
def test_what_is_no_number_is_not_taken_for_one(cell: str) -> None:
    with pytest.raises(ReadingsError, match="is not a number"):
        history(f"timestamp,consumption\n2025-01-01,1\n2025-01-02,{cell}\n")


def test_customers_are_folders_or_files(tmp_path: Path) -> None:
    paths = channel(tmp_path, {"7/data.csv": GOOD, "8.csv": GOOD, ".hidden": "", "notes.txt": ""}, "anything")

    assert [customer.name for customer in find_customers(paths)] == ["7", "8"]


def test_a_customer_that_is_there_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"customer '7' is in .* more than once"):
        find_customers(channel(tmp_path, {"7/data.csv": GOOD, "7.csv": GOOD}))


def test_without_a_channel_the_error_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no channel: .*<channel>/<customer>/data\.csv is expected"):
        find_customers(Paths(tmp_path))


def test_an_empty_channel_is_no_error(tmp_path: Path) -> None:
    paths = channel(tmp_path, {})
    (paths.channels / "train").mkdir(parents=True)

    train(paths, TrainSettings())

    assert list(paths.checkpoints.iterdir()) == []
    assert json.loads((paths.model / "summary.json").read_text())["customers_ok"] == 0


def test_a_bad_customer_stops_nobody_else_and_is_in_the_ledger_with_the_reason(tmp_path: Path) -> None:
    paths = channel(tmp_path, {"good/data.csv": GOOD, "bad/data.csv": "x", "none/notes.txt": GOOD})

    train(paths, TrainSettings(max_failed_fraction=0.9))

    lines = (paths.output_data / "train.jsonl").read_text().splitlines()
    ledger = sorted(map(json.loads, lines), key=lambda row: row["customer"])
    assert [(row["customer"], row["status"]) for row in ledger] == [
        ("bad", "failed"),
        ("good", "ok"),
        ("none", "failed"),
    ]
    assert "needs the columns" in ledger[0]["reason"]
    assert ledger[2]["reason"] == "the folder has no data.csv or data.parquet"
    assert [path.name for path in paths.checkpoints.iterdir()] == ["good.tar.gz"]


def test_too_many_bad_customers_fail_the_job_after_the_good_ones_are_written(tmp_path: Path) -> None:
    paths = channel(tmp_path, {"good/data.csv": GOOD, "bad/data.csv": "x"})

    with pytest.raises(TrainingError, match=r"1 of 2 customers failed, more than max_failed_fraction = 0\.1"):
        train(paths, TrainSettings())

    assert (paths.checkpoints / "good.tar.gz").is_file()


def test_training_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for base in ("one", "two"):
        train(channel(tmp_path / base, {"7/data.csv": GOOD}), TrainSettings(model={"n_changepoints": 3}))

    one, two = (Paths(tmp_path / base).checkpoints / "7.tar.gz" for base in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    assert read_archive(one).metadata["hyperparameters"] == {"n_changepoints": 3}
    assert read_archive(one).metadata["rows"] == 30
