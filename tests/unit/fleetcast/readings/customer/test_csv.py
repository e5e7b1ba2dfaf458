import csv
import gzip
import io
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from container import Paths
from fleetcast.archive import read_archive
from fleetcast.errors import DialectError, ReadingsError
from fleetcast.readings import ReadingOptions, detect_dialect
from fleetcast.readings.customer import Readings, parse_readings
from train.program import train
from train.settings import TrainSettings

HEADER = "timestamp,consumption\n"


def history(
    content: str | bytes,
    *,
    name: str = "data.csv",
    columns: tuple[str, ...] = (),
    options: ReadingOptions | None = None,
) -> Readings:
    content = content if isinstance(content, bytes) else content.encode()
    return parse_readings([Path(name)], [content], columns=columns, options=options)


def rows(readings: Readings) -> list[tuple[str, float]]:
    return [(str(ds)[:16], y) for ds, y in zip(readings.ds, readings.y.tolist(), strict=True)]


TWO = [("2026-01-31T06:00", 7.5), ("2026-01-31T07:00", 8.0)]


@pytest.mark.parametrize(
    "content",
    [
        "timestamp;consumption\n2026-01-31 06:00;7,5\n2026-01-31 07:00;8\n",
        "timestamp;consumption\n2026-01-31 06:00;7.5\n2026-01-31 07:00;8\n",
        "timestamp\tconsumption\n2026-01-31 06:00\t7,5\n2026-01-31 07:00\t8\n",
        "timestamp|consumption\n2026-01-31 06:00|7.5\n2026-01-31 07:00|8\n",
        "2026-01-31 06:00;7,5\n2026-01-31 07:00;8\n",
        ' Timestamp , "CONSUMPTION"\n"2026-01-31 06:00", "7.5"\n2026-01-31 07:00,8\n',
        "timestamp,consumption\r\n2026-01-31 06:00,7.5\n2026-01-31 07:00,8\r\n",
        "timestamp,consumption\r2026-01-31 06:00,7.5\r2026-01-31 07:00,8\r",
        "\n\ntimestamp,consumption\n\n2026-01-31 06:00,7.5\n,\n2026-01-31 07:00,8",
        "timestamp,consumption,\n2026-01-31 06:00,7.5,\n2026-01-31 07:00,8\n",
        "timestamp,consumption\n2026-01-31 06:00,7.5,\n2026-01-31 07:00,8,,\n",
        "\ufefftimestamp,consumption\n2026-01-31 06:00,7.5\n2026-01-31 07:00,8\n",
        "\ufefftimestamp;consumption\r\n2026-01-31 06:00;7,5\r\n2026-01-31 07:00;8\r\n".encode("utf-16-le"),
        "\ufefftimestamp,consumption\n2026-01-31 06:00,7.5\n2026-01-31 07:00,8\n".encode("utf-16-be"),
        "timestamp,consumption,größe\n2026-01-31 06:00,7.5,ä\n2026-01-31 07:00,8,ü\n".encode("latin-1"),
        ",timestamp,consumption\n0,2026-01-31 06:00,7.5\n1,2026-01-31 07:00,8\n",
    ],
)
def test_a_file_is_read_in_the_dialect_that_it_shows(content: str | bytes) -> None:
    assert rows(history(content)) == TWO


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("2026-01-01,7,5\n", r"3 columns without a header, .* is unknown"),
        ("7,2026-01-01,5\n", "needs the columns timestamp and consumption"),
        (
            HEADER + "2026-01-01,7\n2026-01-02,7,5\n",
            "line 3 has too many cells, 3 of 2: '2026-01-02,7,5'; is there a c",
        ),
        (HEADER + "\n2026-01-01,7\n2026-01-02\n", "line 4 has too few cells, 1 of 2"),
        ("timestamp,consumption,\n2026-01-02,7,5\n", "line 2 has too many cells, 3 of 2"),
        (HEADER + '2026-01-01,7\n2026-01-02,"1,234.5"\n', r"line 3: '1,234\.5' .* a comma between thousands"),
        (HEADER + '2026-01-01,"7,5"\n', "a decimal comma"),
        ("timestamp;consumption\n2026-01-01;1,234\n", "may be decimal or between thousands"),
        ("timestamp;consumption\n2026-01-01;7\n2026-01-02;1.234\n", "its point may be decimal or between"),
        ("timestamp\tconsumption\n2026-01-01\t2.500\n", "its point may be decimal or between"),
        ("timestamp;consumption\n2026-01-01;7,5\n2026-01-02;1.234\n", r"line 3: '1\.234' .* decimal point"),
        ("timestamp;consumption\n2026-01-01;7,5\n2026-01-02;7.5\n", r"line 2: '7,5' .* decimal comma"),
        (
            "timestamp,consumption,consumption\n2026-01-01,7,5\n",
            "'consumption' and 'consumption', of which only one",
        ),
        ("timestamp,ds,y\n2026-01-01,2026-01-02,5\n", "'timestamp' and 'ds', of which only one"),
        ("Consumption,timestamp,CONSUMPTION\n7,2026-01-01,5\n", "'Consumption' and 'CONSUMPTION'"),
        (HEADER + '2026-01-01,7\n2026-01-02,"8\n2026-01-03,9\n', "line 3 has a quote that does not close"),
        (HEADER + "2026-01-01,7\n\0\0\0\0,\n", "line 3 has a NUL character"),
        (HEADER + "2026-01-01,True\n", "only regressors and conditions"),
        (
            HEADER + "2026-01-01,7\nsoon,8\nlater,9\n",
            "line 3: 'soon' is not a time .*; rows that cannot be used: 2",
        ),
        (HEADER + "01.02.2026,7\n", "set date_format"),
        (
            "timestamp,consumption\n2026-01-01,7\n".encode("utf-16-le"),
            "if it is UTF-16 without a byte order mark",
        ),
        ("\ufefftimestamp,consumption\n2026-01-01,7\n".encode("utf-16-le")[:-1], "not a UTF-16 CSV file"),
        ("", "is empty: it has no readings"),
        ("\n \n", "is empty: it has no readings"),
        (HEADER, "has no readings"),
        ('"' + HEADER + "x" * 200_000, "needs the columns"),
        ('"timestamp,consumption\n2026-01-01,7\n', "needs the columns"),
        (gzip.compress(HEADER.encode()), "its name must end in .gz"),
        (b"PK\x03\x04 workbook", "an Excel workbook"),
        (
            "customer_id,ds,y\n7,2026-01-01,1\n8,2026-01-01,2\n",
            "rows of several customers in its column customer_id",
        ),
    ],
)
def test_an_ambiguous_file_is_refused_with_line_and_cause(content: str | bytes, message: str) -> None:
    with pytest.raises(ReadingsError, match=rf"data\.csv.*{message}"):
        history(content)


def test_a_customers_own_rows_may_have_the_column_of_customers() -> None:
    assert history("customer_id,ds,y\n7,2026-01-01,1\n7,2026-01-02,2\n").y.tolist() == [1, 2]


def test_a_first_line_without_an_end_is_no_header() -> None:
    with pytest.raises(DialectError, match="has no header: its first line has cells of more than 128 KB"):
        detect_dialect(b'"' + b"x" * 200_000)


def test_a_column_name_in_the_same_case_is_preferred() -> None:
    assert history("Y,ds,y\n1,2026-01-01,7\n").y.tolist() == [7]


def test_a_repeated_header_is_skipped_and_noted() -> None:
    readings = history(HEADER + "2026-01-01,7\n" + HEADER + "2026-01-02,8\n")

    assert readings.y.tolist() == [7, 8]
    assert readings.notes == (
        "data.csv: lines skipped because they repeat the header: 1, the first is line 3",
    )


@pytest.mark.parametrize(
    ("content", "options"),
    [
        (HEADER + '31.01.2026 06:00,"7,5"\n01.02.2026 07:00,8\n', ReadingOptions(decimal=",")),
        ("timestamp consumption\n2026-01-31T06:00 7.5\n2026-02-01T07:00 8\n", ReadingOptions(delimiter=" ")),
        (
            "timestamp\tconsumption\n2026-01-31T06:00\t7.5\n2026-02-01T07:00\t8\n",
            ReadingOptions(delimiter="tab"),
        ),
        (
            (HEADER + "2026-01-31 06:00,7.5\n2026-02-01 07:00,8\n").encode("utf-16-le"),
            ReadingOptions(encoding="utf-16-le"),
        ),
        (
            "\ufeff" + HEADER + "31.01.2026 06:00,7.5\n01.02.2026 07:00,8\n",
            ReadingOptions(encoding="utf-8", date_format="%d.%m.%Y %H:%M"),
        ),
        ("31.01.26 06:00;7,5\n01.02.26 07:00;8\n", ReadingOptions(date_format="%d.%m.%y %H:%M")),
    ],
)
def test_options_decide_what_a_file_leaves_ambiguous(content: str | bytes, options: ReadingOptions) -> None:
    assert rows(history(content, options=options)) == [("2026-01-31T06:00", 7.5), ("2026-02-01T07:00", 8.0)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delimiter": "ab"}, "delimiter must be one character"),
        ({"delimiter": "7"}, "delimiter must be one character"),
        ({"decimal": ";"}, r"decimal must be '\.' or ','"),
        ({"decimal": ",", "delimiter": ","}, "decimal and delimiter must differ"),
        ({"encoding": "klingon"}, "encoding must be one such as"),
        ({"encoding": "base64"}, "encoding must be one such as"),
        ({"date_format": "%d.%m"}, "date_format must have the year"),
        ({"date_format": "%d.%Y"}, "the month of a day"),
        ({"date_format": "%d %m %b %Y"}, "date_format must have the year"),
        ({"date_format": "%Y-%j"}, "date_format must have the year"),
        ({"date_format": "20%y"}, "date_format must have the year"),
        ({"date_format": "%Y %Y"}, "date_format must have the year"),
        ({"date_format": "epoch"}, "date_format must have the year"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(options: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ReadingOptions(**options)


def test_words_for_missing_values_are_missing_readings() -> None:
    words = ["NA", "N/A", "null", "NULL", "None", "nan", "", "-", "<NA>"]
    readings = history(
        HEADER + "".join(f"2026-01-{day:02},{word}\n" for day, word in enumerate([*words, "7"], 1))
    )

    assert np.isnan(readings.y).tolist() == [True] * len(words) + [False]
    assert len(readings.ds) == len(words) + 1


def test_a_row_without_a_regressor_is_left_out_and_counted() -> None:
    content = (
        "ds,y,promo,wind\n2026-01-01,7,True,1\n2026-01-02,8,NA,2\n2026-01-03,9,FALSE,\n2026-01-04,,1,4\n"
    )

    readings = history(content, columns=("promo", "wind"))

    assert [day for day, _ in rows(readings)] == ["2026-01-01T00:00", "2026-01-04T00:00"]
    assert readings.columns["promo"].tolist() == [1, 1]
    assert readings.dropped_rows == 2
    assert readings.notes == ("rows left out because they have no value of promo or wind: 2 of 4",)


def test_a_compressed_file_is_read_and_its_checksum_holds() -> None:
    content = gzip.compress((HEADER + "2026-01-01,7\n").encode())

    assert history(content, name="data.csv.gz").y.tolist() == [7]
    with pytest.raises(ReadingsError, match=r"data\.csv\.gz is damaged"):
        history(content[:-8] + bytes([content[-8] ^ 1]) + content[-7:], name="data.csv.gz")


def test_of_1000_compressed_files_with_a_flipped_bit_none_is_read_as_other_numbers() -> None:
    draw = random.Random(7)  # noqa: S311 -- bits to flip, no secret
    lines = "".join(
        f"2026-01-{day:02} {hour:02}:00,{draw.gauss(50, 9):.3f}\n" for day in (1, 2) for hour in range(24)
    )
    content = gzip.compress((HEADER + lines).encode(), mtime=0)
    right = history(content, name="data.csv.gz")
    refused = other = 0
    for _ in range(1_000):
        place, bit = draw.randrange(len(content)), draw.randrange(8)
        damaged = content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]
        try:
            readings = history(damaged, name="data.csv.gz")
        except ReadingsError as error:
            assert "data.csv.gz" in str(error)  # noqa: PT017 -- a count of both outcomes is the claim
            refused += 1
        else:
            other += rows(readings) != rows(right)

    assert other == 0
    assert refused > 900


def test_files_that_hold_the_same_bytes_are_refused() -> None:
    content = (HEADER + "2026-01-01,7\n").encode()

    with pytest.raises(ReadingsError, match=r"a\.csv and b\.csv hold the same; keep one of them"):
        parse_readings([Path("a.csv"), Path("b.csv")], [content, content])


def test_files_of_one_customer_of_which_only_one_has_a_cap_or_floor_are_refused() -> None:
    parts = [b"ds,y,cap\n2026-01-01,7,9\n", b"ds,y\n2026-01-02,7\n"]

    with pytest.raises(ReadingsError, match=r"of a\.csv and b\.csv only one has the column cap"):
        parse_readings([Path("a.csv"), Path("b.csv")], parts)


CELLS = st.tuples(
    st.integers(0, 80_000_000).map(lambda minutes: np.datetime64("1950-01-01T00:00", "m") + minutes),
    st.one_of(
        st.integers(-(10**6), 10**6).map(float), st.floats(-1e9, 1e9).map(lambda value: round(value, 4))
    ),
)
DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "decimal": st.sampled_from(".,"),
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
        "end": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "time": st.sampled_from(
            ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:00Z", "%d.%m.%Y %H:%M", "%m/%d/%Y %I:%M %p"]
        ),
        "header": st.sampled_from([["timestamp", "consumption"], ["DS", " y "], None]),
        "blank": st.sampled_from(["", " "]),
        "named": st.booleans(),
    }
)


@given(st.lists(CELLS, min_size=1, max_size=12), DIALECTS)
def test_a_table_in_any_dialect_is_read_back_or_refused(
    table: list[tuple[np.datetime64, float]], dialect: dict[str, str]
) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(
        file, delimiter=dialect["delimiter"], quoting=dialect["quoting"], lineterminator=dialect["end"]
    )
    blank = dialect["blank"]
    for cells in [dialect["header"]] if dialect["header"] else []:
        writer.writerow(cells)
    for moment, value in table:
        number = repr(value).replace(".", dialect["decimal"])
        writer.writerow([f"{blank}{moment.item():{dialect['time']}}", f"{number}{blank}"])
    options = ReadingOptions()
    if dialect["named"] and dialect["decimal"] != dialect["delimiter"]:
        options = ReadingOptions(**{name: dialect[name] for name in ("delimiter", "decimal", "encoding")})

    try:
        readings = history(file.getvalue().encode(dialect["encoding"]), options=options)
    except ReadingsError:
        in_doubt = options == ReadingOptions() or dialect["time"][:2] != "%Y"
        assert in_doubt
        return

    assert readings.ds.tolist() == [moment.item() for moment, _ in table]
    assert readings.y.tolist() == [value for _, value in table]


@pytest.mark.parametrize(
    ("written", "rows"),
    [("%Y-%m-%dT%H:%M:%S+01:00", 400), ("%Y-%m-%dT%H:%M:%S+01:00", 900), ("%Y-%m-%dT%H:%M:%SZ", 900)],
)
def test_a_customer_whose_times_have_an_offset_is_trained_in_utc(
    tmp_path: Path, written: str, rows: int
) -> None:
    start = np.datetime64("2024-03-01T00:00:00", "s")
    moments = [(start + np.timedelta64(hour, "h")).item() for hour in range(rows)]
    lines = "".join(f"{moment:{written}},{50 + moment.hour + moment.minute}\n" for moment in moments)

    metadata = trained(tmp_path, HEADER + lines)

    shift = np.timedelta64(1 if "+" in written else 0, "h")
    assert (metadata["first"], metadata["rows"]) == (str(start - shift), rows)


@pytest.mark.parametrize("written", ["%Y%m%d", "%s"])
def test_a_customer_whose_times_are_numbers_is_trained_on_their_dates(tmp_path: Path, written: str) -> None:
    days = [np.datetime64("2024-01-01", "s") + np.timedelta64(day, "D") for day in range(200)]
    texts = [f"{day.item():%Y%m%d}" if written == "%Y%m%d" else str(day.astype(int)) for day in days]

    metadata = trained(
        tmp_path, HEADER + "".join(f"{text},{100 + place % 7}\n" for place, text in enumerate(texts))
    )

    assert (metadata["first"], metadata["last"]) == (str(days[0]), str(days[-1]))


def test_booleans_and_missing_words_are_trained_on(tmp_path: Path) -> None:
    days = [f"{np.datetime64('2024-01-01') + day},{100 + day % 7},{day % 3 == 0}\n" for day in range(60)]
    days[17], days[18] = days[17].replace(",103,", ",NA,"), days[18].replace("True", "null")
    promo = TrainSettings(model={"extra_regressors": [{"name": "promo"}]}, columns=("promo",))

    metadata = trained(tmp_path, "timestamp,consumption,promo\n" + "".join(days), promo)

    assert metadata["rows"] == 59


def trained(base: Path, content: str, settings: TrainSettings | None = None) -> dict[str, object]:
    path = Paths(base).channels / "train" / "7" / "data.csv"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    train(Paths(base), settings or TrainSettings())
    return read_archive(Paths(base).checkpoints / "7.tar.gz").metadata


def test_compressed_customers_are_found_and_trained(tmp_path: Path) -> None:
    channel = Paths(tmp_path).channels / "train"
    (channel / "7").mkdir(parents=True)
    days = [f"{np.datetime64('2024-01-01') + day},{100 + day % 7}\n" for day in range(60)]
    content = gzip.compress((HEADER + "".join(days)).encode())
    for path in (channel / "7" / "data.csv.gz", channel / "8.csv.gz"):
        path.write_bytes(content)

    train(Paths(tmp_path), TrainSettings())

    assert sorted(path.name for path in Paths(tmp_path).checkpoints.iterdir()) == ["7.tar.gz", "8.tar.gz"]
