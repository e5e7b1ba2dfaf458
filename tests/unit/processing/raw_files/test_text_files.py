"""Every way to write the same table as text is read, or refused with what to do."""

import gzip
from pathlib import Path

import pytest

from fleetcast.errors import InputError, SettingError
from processing import Columns
from processing.program import process
from tests.unit.raw import HEADER, LINES, ROWS, raw, refused_in, rejected, written

TABLE = HEADER + ROWS
QUOTED = '"customer_id","timestamp","consumption"\n"7","2026-01-01","5"\n"7","2026-01-02","6"\n'


@pytest.mark.parametrize(
    "content",
    [
        TABLE,
        TABLE.replace(",", ";"),
        TABLE.replace(",", "\t"),
        TABLE.replace(",", "|"),
        TABLE.replace("\n", "\r\n"),
        TABLE.replace("\n", "\r"),
        HEADER.replace("\n", "\r\n") + ROWS,
        TABLE.removesuffix("\n"),
        "\n\n" + TABLE.replace("\n", "\n\n"),
        TABLE.replace("\n", ",\n"),
        HEADER.replace("\n", ",,\n") + ROWS,
        HEADER + ROWS.replace("\n", ",,\n"),
        QUOTED,
        QUOTED.replace(",", ";"),
        QUOTED.replace(",", ", "),
        TABLE.replace(",", ", ").replace("7, ", "7,"),
        b"\xef\xbb\xbf" + TABLE.encode(),
        TABLE.encode("utf-16"),
        b"\xfe\xff" + TABLE.encode("utf-16-be"),
        "customer_id;timestamp;consumption\n7;2026-01-01;5,0\n7;2026-01-02;6,0\n",
        "customer_id\ttimestamp\tconsumption\n7\t2026-01-01\t5,0\n7\t2026-01-02\t6,0\n",
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_a_table_is_read_however_it_is_written(
    tmp_path: Path, content: str | bytes, *, compressed: bool
) -> None:
    content = content.encode() if isinstance(content, str) else content
    name = "raw.csv.gz" if compressed else "raw.csv"
    paths = raw(tmp_path, gzip.compress(content) if compressed else content, name)

    process(paths, Columns())

    assert written(paths) == {"7": LINES}
    assert rejected(paths) == []


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "utf-16-be"])
def test_an_encoding_can_be_set(tmp_path: Path, encoding: str) -> None:
    paths = raw(tmp_path, (HEADER + "Müller,2026-01-01,5\n").encode(encoding))

    with pytest.raises(InputError, match=r"'raw\.csv' .*set encoding"):
        process(paths, Columns())
    process(paths, Columns(), encoding=encoding)

    assert written(paths) == {"Müller": ["2026-01-01 00:00:00,5.0"]}


def test_bytes_of_another_encoding_far_below_reject_only_their_row(tmp_path: Path) -> None:
    rows = "7,2026-01-01,5\n" * 10_000
    paths = raw(tmp_path, (HEADER + rows + "Müller,2026-01-01,5\n8,2026-01-01,5\n").encode("latin-1"))

    process(paths, Columns())

    assert [(line, reason) for _, line, _, reason in rejected(paths)] == [
        (10_002, "it is not UTF-8: name the encoding, such as --encoding latin-1")
    ]
    assert written(paths)["8"] == ["2026-01-01 00:00:00,5.0"]


def test_a_delimiter_and_a_decimal_mark_can_be_set(tmp_path: Path) -> None:
    paths = raw(tmp_path, "customer_id!timestamp!consumption\n7!2026-01-01!1,234\n")

    process(paths, Columns(), delimiter="!", decimal=",")

    assert written(paths) == {"7": ["2026-01-01 00:00:00,1.234"]}


def test_files_with_different_orders_of_day_and_month_are_logged_as_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = raw(tmp_path, HEADER + "7,13/01/2024,5\n7,02/03/2024,6\n")
    (paths.processing_input / "other.csv").write_text(HEADER + "7,01/14/2024,5\n7,02/05/2024,6\n")

    process(paths, Columns())

    assert "those of 'other.csv' have the month first" in caplog.text
    assert len(written(paths)["7"]) == 4


def test_a_comma_that_may_separate_thousands_is_refused_unless_decimal_is_set(tmp_path: Path) -> None:
    paths = raw(tmp_path, "customer_id;timestamp;consumption\n7;2026-01-01;1,234\n7;2026-01-02;5\n")

    process(paths, Columns())

    assert rejected(paths)[0][1] == 2
    assert "may be decimal or between thousands" in rejected(paths)[0][3]


def test_a_point_that_may_separate_thousands_is_refused_unless_the_file_shows_its_meaning(
    tmp_path: Path,
) -> None:
    rows = ["7;2026-01-01;1.234", "7;2026-01-02;5", "7;2026-01-03;12.345.678"]
    paths = raw(tmp_path / "doubtful", "\n".join(["customer_id;timestamp;consumption", *rows, ""]))
    shown = raw(
        tmp_path / "shown",
        "\n".join(["customer_id;timestamp;consumption", *rows[:2], "7;2026-01-03;0.5", ""]),
    )

    process(paths, Columns())
    process(shown, Columns())

    assert [(line, reason.partition("is ambiguous: ")[2][:9]) for _, line, _, reason in rejected(paths)] == [
        (2, "its point"),
        (4, "its point"),
    ]
    assert written(shown)["7"][0] == "2026-01-01 00:00:00,1.234"


def test_day_and_month_are_read_in_the_order_that_the_whole_file_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processing.raw_files.rows.BLOCK_BYTES", 64)
    rows = "".join(f"7,0{day}/02/2026,{day}\n" for day in range(1, 10))
    paths = raw(tmp_path, HEADER + rows + "7,13/02/2026,13\n")

    process(paths, Columns())

    assert written(paths)["7"][0] == "2026-02-01 00:00:00,1.0"
    assert written(paths)["7"][-1] == "2026-02-13 00:00:00,13.0"


def test_an_ambiguous_order_of_day_and_month_is_refused_unless_date_format_is_set(tmp_path: Path) -> None:
    paths = raw(tmp_path, HEADER + "7,01/02/2026,5\n")

    with pytest.raises(InputError, match="no usable reading"):
        process(paths, Columns())
    assert "date_format" in rejected(paths)[0][3]

    process(paths, Columns(), date_format="%d/%m/%Y")
    assert written(paths) == {"7": ["2026-02-01 00:00:00,5.0"]}
    assert rejected(paths) == []


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2024-01-01 00:00+01:00", "2023-12-31 23:00:00"),
        ("2024-01-01T00:00:00Z", "2024-01-01 00:00:00"),
        ("2024-07-01 00:00:00 Europe/Berlin", "2024-06-30 22:00:00"),
        ("2024-01-01 01:30 PM", "2024-01-01 13:30:00"),
        ("20240101", "2024-01-01 00:00:00"),
        ("1704067200", "2024-01-01 00:00:00"),
        ("1704067200000", "2024-01-01 00:00:00"),
        ("2024-01-01 00:00:00.25", "2024-01-01 00:00:00.25"),
    ],
)
def test_a_time_is_written_in_utc(tmp_path: Path, text: str, time: str) -> None:
    paths = raw(tmp_path, HEADER + f"7,{text},1\n")

    process(paths, Columns())

    assert written(paths) == {"7": [f"{time},1.0"]}


@pytest.mark.parametrize(
    "text",
    [
        "infinity",
        "-infinity",
        "0044-03-15 (BC)",
        "9999-12-31",
        "45292",
        "2024-01-01 00:00 Nonsense/Zone",
        "1/2/24",
    ],
)
def test_an_ambiguous_or_invalid_time_is_rejected_with_its_line(tmp_path: Path, text: str) -> None:
    reasons = refused_in(tmp_path, f"7,{text},1\n")

    assert list(reasons) == [4]
    assert reasons[4].startswith(f"timestamp '{text}' ")


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("7,2026-01-03,1,234.5", "4 cells below a header of 3"),
        ("7,2026-01-03,7,5", "4 cells below a header of 3"),
        ("7,2026-01-03", "2 cells below a header of 3"),
        ('7,2026-01-03,"1,234.5"', "comma between thousands"),
        ('7,2026-01-03,"5', "a quote is not closed"),
        ('7,"2026-01-03"x,5', "the quotes are not those of CSV"),
        ("7,2026-01-03,\x005", "NUL"),
        ("customer_id,timestamp,consumption", "repeats the header"),
        ("7,2026-01-03,NULL", "is missing"),
        ("7,2026-01-03,-", "is missing"),
        ("7,2026-01-03,", "is missing"),
        ("7,2026-01-03,inf", "infinite"),
        ("7,2026-01-03,true", "is not a number"),
        ("7,NULL,5", "a reading without a time"),
        (",2026-01-03,5", "not the name of a customer"),
        ("NULL,2026-01-03,5", "not the name of a customer"),
    ],
)
def test_a_bad_row_is_rejected_with_its_line_and_affects_no_other(
    tmp_path: Path, row: str, reason: str
) -> None:
    reasons = refused_in(tmp_path, f"{row}\n7,2026-01-04,8\n")

    assert list(reasons) == [4]
    assert reason in reasons[4]
    assert written(raw(tmp_path, ""))["7"][2:] == ["2026-01-04 00:00:00,8.0"]


def test_a_line_is_read_whole_or_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processing.raw_files.rows.BLOCK_BYTES", 100)
    monkeypatch.setattr("processing.raw_files.rows.MOST_BYTES_OF_A_LINE", 60)
    lengths = [1, 3, 30, 45, 50, 90, 250, 3, 70, 1]
    paths = raw(tmp_path, HEADER + "".join(f"7,2026-01-01,{'0' * length}1\n" for length in lengths) + ROWS)

    process(paths, Columns())

    good = written(paths)["7"]
    assert set(good) == {"2026-01-01 00:00:00,1.0", *LINES}
    assert len(good) + len(rejected(paths)) == len(lengths) + 2
    assert {reason for *_, reason in rejected(paths)} == {"it is longer than 60 bytes"}


def test_a_quote_that_is_never_closed_hides_no_other_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processing.raw_files.rows.BLOCK_BYTES", 256)
    quotes = ['"' if row % 9 == 0 else "" for row in range(500)]
    rows = "".join(
        f"{quote}7,2026-01-01 00:{row % 60:02}:{row // 60:02},{row}\n" for row, quote in enumerate(quotes)
    )
    paths = raw(tmp_path, HEADER + rows)

    process(paths, Columns())

    assert [line for _, line, _, _ in rejected(paths)] == [row + 2 for row in range(0, 500, 9)]
    assert len(written(paths)["7"]) == 500 - len(rejected(paths))


def test_a_cell_may_hold_line_ends_also_where_a_block_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("processing.raw_files.rows.BLOCK_BYTES", 50)
    header = 'customer_id,timestamp,"the\nnote",consumption\n'
    rows = "".join(f'7,2026-01-{day:02},"a\nb, ""c""\n",{day}\n' for day in range(1, 20))
    paths = raw(tmp_path, header + rows + "7,never,,1\n")

    process(paths, Columns())

    assert written(paths)["7"] == [f"2026-01-{day:02} 00:00:00,{day}.0" for day in range(1, 20)]
    assert [line for _, line, _, _ in rejected(paths)] == [3 + 3 * 19]


def test_a_second_header_with_other_columns_is_refused_with_its_line(tmp_path: Path) -> None:
    paths = raw(tmp_path, HEADER + ROWS + "customer_id,consumption,timestamp\n7,20260105,2026\n")

    with pytest.raises(InputError, match=r"'raw\.csv' has a second header in line 4"):
        process(paths, Columns())

    assert not paths.processing_output.exists()


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("customer_id,timestamp,consumption,consumption", "of which only one may be there"),
        ("7,2026-01-01,5", "is its header missing"),
        ("customer,timestamp,kwh", "no column 'customer_id' and no column 'consumption'"),
    ],
)
def test_an_ambiguous_header_is_refused(tmp_path: Path, header: str, message: str) -> None:
    paths = raw(tmp_path, f"{header}\n7,2026-01-01,5,6\n")

    with pytest.raises(InputError, match=message):
        process(paths, Columns())


def test_regressors_may_be_true_or_false_but_not_missing(tmp_path: Path) -> None:
    paths = raw(
        tmp_path, HEADER.strip() + ",promo\n7,2026-01-01,5,True\n7,2026-01-02,6,false\n7,2026-01-03,7,\n"
    )

    process(paths, Columns(regressors=("promo",)))

    assert written(paths) == {"7": ["2026-01-01 00:00:00,5.0,1.0", "2026-01-02 00:00:00,6.0,0.0"]}
    assert rejected(paths) == [("raw.csv", 4, "7,2026-01-03,7,", "promo '' is missing")]


@pytest.mark.parametrize(
    "options",
    [
        {"delimiter": "ab"},
        {"decimal": "x"},
        {"encoding": "martian"},
        {"date_format": "%Q"},
        {"delimiter": ",", "decimal": ","},
    ],
)
def test_an_option_that_cannot_be_used_is_named(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(SettingError, match="--"):
        process(raw(tmp_path, TABLE), Columns(), **options)
