"""No record of a body is lost, and none is read as another one."""

import gzip
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import RequestError, TooLargeError, UnsupportedMediaTypeError
from serving.request.bodies import decode_body
from serving.request.budget import RequestBudget
from serving.request.records import Failure
from serving.request.schema import MAX_RECORDS, Request
from serving.steps import run_steps
from tests.unit.served import read

CSV, JSON, LINES = "text/csv", "application/json", "application/jsonlines"


def decoded(body: bytes, encoding: str | None, *, max_bytes: int) -> bytes:
    return run_steps(decode_body(body, encoding, budget=RequestBudget(max_body_bytes=max_bytes)))


def named(body: bytes, kind: str = CSV) -> list[tuple[str | None, int]]:
    """Return name and period of each record, a period of 0 for one that is refused."""
    records, _ = read(body, kind)
    return [
        (record.target_model, 0) if isinstance(record, Failure) else (record.name, record.periods)
        for record in records
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"target_model,period\n7,1\n8,2\n",
        b"target_model,period\r\n7,1\r\n8,2",
        b"target_model,period\r7,1\r8,2\r",
        b" target_model , period \n 7 , 1 \n\t8,\t2\n",
        b"\n\ntarget_model,period\n\n7,1\n,\n8,2\n\n",
        b"period,target_model,\n1,7,\n2.0,8,\n",
        b'"target_model","period"\n"7","1"\n"8","2"\n',
        b"target_model,freq,period,cap\n7,NA,1,null\n8,,2,NaN\n",
        b"7,1\n8,2\n",
        b"7,1,D\n8,2,\n",
    ],
)
def test_csv_may_have_blanks_quotes_any_line_end_and_any_order_of_columns(body: bytes) -> None:
    assert named(body) == [("7", 1), ("8", 2)]


@pytest.mark.parametrize("names", ["0042", "1e5", "7.0", "NA", "true", "nan"])
def test_a_name_in_csv_is_kept_as_text(names: str) -> None:
    assert named(f"target_model,period\n{names},1\n".encode()) == [(names, 1)]


def test_without_a_header_the_first_line_is_a_record_too() -> None:
    assert named(b"".join(b"%d,7\n" % customer for customer in range(20))) == [(str(i), 7) for i in range(20)]


@pytest.mark.parametrize(
    "header", ["target_model,perod", "customer,period", "freq,x", "7,period", "target_model,target_model"]
)
def test_a_first_line_that_is_only_partly_a_header_refuses_the_whole_body(header: str) -> None:
    with pytest.raises(RequestError, match="header"):
        read(f"{header}\n7,1\n".encode(), CSV)


@pytest.mark.parametrize("line", [b"8,1,D,x", b"8,x", b"8,0", b"8,1,nonsense?????????????", b"8,1,,,9"])
def test_an_invalid_line_fails_alone_and_keeps_its_name(line: bytes) -> None:
    records = named(b"7,1\n" + line + b"\n9,3\n")

    assert records == [("7", 1), ("8", 0), ("9", 3)]


def test_a_cell_in_a_column_without_a_name_is_an_error() -> None:
    assert named(b"target_model,period,\n7,1,5\n8,2,\n") == [("7", 0), ("8", 2)]


def test_an_invalid_json_record_fails_alone_and_keeps_its_name() -> None:
    body = b'{"requests": [{"target_model": "7", "period": 0}, {"target_model": 8, "no": 1}, 9, {}]}'

    assert named(body, JSON) == [("7", 0), ("8", 0), (None, 0), (None, 7)]


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (CSV, "target_model,period\n7 ü,1\n"),
        (LINES, '{"target_model": "7 ü", "period": 1}\n'),
        (JSON, '{"requests": [{"target_model": "7 ü", "period": 1}]}'),
    ],
)
def test_a_byte_order_mark_is_no_part_of_a_record(kind: str, text: str, mark: str) -> None:
    body = ("\ufeff" + text).encode(mark) if mark.endswith("e") else text.encode(mark)

    plain_body = decoded(body, None, max_bytes=1_000)

    assert named(plain_body, kind) == [("7 ü", 1)]


@given(
    st.lists(
        st.fixed_dictionaries(
            {"target_model": st.text(min_size=1, max_size=9), "period": st.integers(1, 9_999)}
        ),
        min_size=1,
        max_size=9,
    )
)
def test_json_and_json_lines_have_the_same_records(records: list[dict[str, object]]) -> None:
    lines = "\r\n".join(json.dumps(each) for each in records).encode()
    array = json.dumps({"requests": records}).encode()

    expected = [(each["target_model"], each["period"]) for each in records]
    assert named(lines, LINES) == named(array, JSON) == named(json.dumps(array.decode()).encode(), JSON)
    assert named(lines, LINES) == expected


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (LINES, b"{}\n" * (MAX_RECORDS + 1)),
        (CSV, b"7\n" * (MAX_RECORDS + 1)),
        (JSON, b'{"requests": [' + b",".join([b"{}"] * (MAX_RECORDS + 1)) + b"]}"),
        (LINES, b"\n" * 9),
        (CSV, b"target_model\n"),
        (CSV, b"\n,\n"),
        (JSON, b'{"requests": []}'),
        (JSON, b'{"requests": [{}], "period": 1}'),
        (JSON, b'{"requests": {}}'),
    ],
    ids=range(9),
)
def test_no_record_and_too_many_records_are_refused(kind: str, body: bytes) -> None:
    with pytest.raises(RequestError, match=r"record|100000"):
        read(body, kind)


def test_an_empty_json_body_is_the_request_without_fields() -> None:
    assert read(b" \n", JSON) == ([Request()], False)


def test_gzip_may_have_several_members() -> None:
    body = gzip.compress(b"7,1\n") + gzip.compress(b"8,2\n")

    assert decoded(body, "gzip", max_bytes=100) == b"7,1\n8,2\n"
    assert decoded(b"7,1\n", "identity", max_bytes=100) == b"7,1\n"


TEXT = b"target_model,period\n7,1\n" * 20
GZIPPED = gzip.compress(TEXT, mtime=0)


@pytest.mark.parametrize("damage", [*(GZIPPED[:length] for length in range(1, len(GZIPPED))), GZIPPED + b"x"])
def test_gzip_that_is_cut_short_or_followed_by_other_bytes_is_refused(damage: bytes) -> None:
    with pytest.raises(RequestError):
        decoded(damage, "gzip", max_bytes=100_000)


def test_a_flipped_bit_in_gzip_never_results_in_another_body() -> None:
    results = set()
    for place in range(10, len(GZIPPED)):  # before are the time and the system, which mean nothing here
        for bit in range(8):
            flipped = GZIPPED[:place] + bytes([GZIPPED[place] ^ 1 << bit]) + GZIPPED[place + 1 :]
            with suppress(RequestError):
                results.add(decoded(flipped, "gzip", max_bytes=100_000))

    assert results <= {TEXT}


def test_a_gzip_bomb_is_refused_before_it_is_decoded() -> None:
    bomb = gzip.compress(bytes(200 * 1024 * 1024), compresslevel=9)

    with pytest.raises(TooLargeError, match="1000000 bytes"):
        decoded(bomb, "gzip", max_bytes=1_000_000)


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, br", "x"])
def test_the_error_for_another_encoding_names_gzip(encoding: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError, match="must be gzip"):
        decoded(b"{}", encoding, max_bytes=100)
