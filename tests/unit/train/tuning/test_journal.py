"""The journal of a search: what is in it survives a kill, and what is not valid any more is not used."""

import os
from pathlib import Path

import pytest

from fleetcast.errors import FilesystemError
from train.customer import Backtested
from train.tuning.journal import Journal, TreesLine


def opened(path: Path, search: str = "s", **data: str) -> Journal:
    return Journal.open(path / "tune.jsonl", search, data_of=lambda name: data.get(name, "d"))


def result(customer: str, *numbers: int, data: str = "d", reason: str = "") -> Backtested:
    errors = {number: (1.5 + number, 2.5) for number in numbers}
    return Backtested(customer=customer, data=data, errors=errors, reason=reason, cpu_seconds=0.25)


def test_what_was_added_is_there_when_the_journal_is_opened_again(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.add(result("a", 0))
    journal.add(result("a", 3, 4))
    journal.add(result("a", 4), judges=True)
    journal.add(result("b", reason="no backtest"))
    journal.close()

    again = opened(tmp_path)

    assert (
        again.under().errors == journal.under().errors == {"a": {0: (1.5, 2.5), 3: (4.5, 2.5), 4: (5.5, 2.5)}}
    )
    assert again.under().judged == {"a": {4: 5.5}}
    assert again.failed == {"b": "no backtest"}
    assert again.cpu_seconds == 1.0
    assert again.under().cpu_seconds_of_start == {"a": 0.25}


def test_errors_under_another_model_of_all_customers_are_others(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.add(result("a", 0), under="m 0.7")
    journal.add(result("a", 1), under="m 0.4")
    journal.close()

    again = opened(tmp_path)

    assert again.under("m 0.7").errors == {"a": {0: (1.5, 2.5)}}
    assert again.under("m 0.4").errors == {"a": {1: (2.5, 2.5)}}
    assert again.under().errors == {}
    assert again.cpu_seconds_of_starts == 0.25


def test_what_trees_took_and_how_they_erred_is_there_when_the_journal_is_opened_again(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.add_work("rows", 2.0)
    journal.add_trees(TreesLine("r", 3, 1.5, {"a": 0.5, "b": 0.75}))
    journal.add_work("rows", 9.0)
    journal.close()

    again = opened(tmp_path)

    assert again.trees == journal.trees == {"r": {3: TreesLine("r", 3, 1.5, {"a": 0.5, "b": 0.75})}}
    assert again.work == {"rows": 2.0}
    assert again.cpu_seconds == 12.5


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_a_kill_left_unfinished_is_cut_off(tmp_path: Path, cut: int) -> None:
    journal = opened(tmp_path)
    journal.add(result("a", 0))
    journal.add(result("b", 0))
    journal.close()
    path = tmp_path / "tune.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])

    again = opened(tmp_path)
    assert set(again.under().errors) == {"a"}
    again.add(result("b", 0))

    assert path.read_bytes() == whole


def test_a_journal_of_other_settings_is_set_aside_with_a_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    opened(tmp_path).add(result("a", 0))
    before = (tmp_path / "tune.jsonl").read_bytes()

    other = opened(tmp_path, "other")

    assert other.under().errors == {}
    assert (tmp_path / "tune.old.jsonl").read_bytes() == before
    assert "is now 'tune.old.jsonl', and a new journal begins" in caplog.text
    assert opened(tmp_path, "other").under().errors == {}


@pytest.mark.parametrize(
    "content", [b"hello\n", b"{}\n", b"\xff\xfe\n", b'{"format_version": 99, "search": "s"}\n']
)
def test_a_file_that_is_no_journal_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "tune.jsonl").write_bytes(content)

    opened(tmp_path).add(result("a", 0))

    assert (tmp_path / "tune.old.jsonl").read_bytes() == content
    assert set(opened(tmp_path).under().errors) == {"a"}


@pytest.mark.parametrize(
    "line",
    [
        b'{"of":"customer","customer":"a","data":"d","cpu_seconds":1,"errors":{"0":[]}}\n',
        b'{"of":"customer","customer":"a","data":"d","cpu_seconds":-1,"errors":{"0":[1]}}\n',
        b'{"of":"customer","customer":"a","data":"d","cpu_seconds":1,"errors":{"x":[1]}}\n',
        b'{"of":"customer","customer":"a","data":"d","cpu_seconds":1,"errors":{"0":[-1]}}\n',
        b'{"of":"trees","rows":"r","configuration":0,"cpu_seconds":1,"errors":{"a":-1}}\n',
        b'{"of":"work","name":"rows","cpu_seconds":-1}\n',
    ],
)
def test_a_journal_with_a_line_that_nobody_wrote_is_set_aside(tmp_path: Path, line: bytes) -> None:
    opened(tmp_path).close()
    with (tmp_path / "tune.jsonl").open("ab") as file:
        file.write(line)

    assert opened(tmp_path).under().errors == {}
    assert (tmp_path / "tune.old.jsonl").exists()


def test_an_empty_file_becomes_a_journal(tmp_path: Path) -> None:
    (tmp_path / "tune.jsonl").touch()

    opened(tmp_path).add(result("a", 0))

    assert set(opened(tmp_path).under().errors) == {"a"}


def test_customers_whose_files_have_changed_are_not_taken_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = opened(tmp_path)
    journal.add(result("a", 0))
    journal.add(result("b", 0))
    journal.close()

    again = opened(tmp_path, a="another")

    assert set(again.under().errors) == {"b"}
    assert again.cpu_seconds == 0.5
    assert "1 customers' files have changed" in caplog.text


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious\n")
    (tmp_path / "tune.jsonl").symlink_to(tmp_path / "elsewhere")

    opened(tmp_path).add(result("a", 0))

    assert (tmp_path / "elsewhere").read_text() == "precious\n"
    assert not (tmp_path / "tune.jsonl").is_symlink()


def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "tune.jsonl", _descriptor=os.open("/dev/full", os.O_WRONLY))

    with pytest.raises(FilesystemError, match=r"tune.jsonl could not be written to .*: No space left"):
        journal.add(result("a", 0))

    assert journal.under().errors == {}
    journal.close()
