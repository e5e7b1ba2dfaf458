import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetcast.readings import evidence_of_times, parse_times


def one(text: str, date_format: str | None = None) -> str:
    """Return what a text is read as, or why it is not read."""
    parsed = parse_times([text], date_format=date_format)
    assert np.isnat(parsed.values[0]) == (0 in parsed.reasons)
    return parsed.reasons[0] if parsed.reasons else str(parsed.values[0]).removesuffix(".000000")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2024-01-31", "2024-01-31T00:00:00"),
        ("2024-01-31 06:00", "2024-01-31T06:00:00"),
        ("2024-01-31T06:00:07", "2024-01-31T06:00:07"),
        (" 2024-01-31 \t", "2024-01-31T00:00:00"),
        ("2024-1-5 3:04", "2024-01-05T03:04:00"),
        ("2024-01-31T06:00:00.5", "2024-01-31T06:00:00.500000"),
        ("2024-01-31 06:00:00,123", "2024-01-31T06:00:00.123000"),
        ("2024-01-31T06:00:00.123456789Z", "2024-01-31T06:00:00.123456"),
        ("2024-01-31 24:00", "2024-02-01T00:00:00"),
        ("2024-01-01T00:00:00Z", "2024-01-01T00:00:00"),
        ("2024-01-01 00:00+01:00", "2023-12-31T23:00:00"),
        ("2024-01-01 00:00 +0100", "2023-12-31T23:00:00"),
        ("2024-01-01 00:00+01", "2023-12-31T23:00:00"),
        ("2024-01-01 00:00-03:30", "2024-01-01T03:30:00"),
        ("2024-01-01 00:00 UTC", "2024-01-01T00:00:00"),
        ("2024-01-01T00:00Z[UTC]", "2024-01-01T00:00:00"),
        ("2024-01-01 00:00:00 gmt", "2024-01-01T00:00:00"),
        ("2024-01-01 00:00 Europe/Berlin", "2023-12-31T23:00:00"),
        ("2024-07-01T00:00[Europe/Berlin]", "2024-06-30T22:00:00"),
        ("2024-07-01T00:00+02:00[Europe/Berlin]", "2024-06-30T22:00:00"),
        ("2024-01-01 00:00 America/Argentina/Buenos_Aires", "2024-01-01T03:00:00"),
        ("2024-01-31 12:00 AM", "2024-01-31T00:00:00"),
        ("2024-01-31 12:30 pm", "2024-01-31T12:30:00"),
        ("2024-01-31 1:05:06 PM", "2024-01-31T13:05:06"),
        ("1/31/2024, 9:05:00 a.m.", "2024-01-31T09:05:00"),
        ("20240131", "2024-01-31T00:00:00"),
        ("20240131.0", "2024-01-31T00:00:00"),
        ("202401312359", "2024-01-31T23:59:00"),
        ("20240131235958", "2024-01-31T23:59:58"),
        ("20240131T235958Z", "2024-01-31T23:59:58"),
        ("2024/01/31", "2024-01-31T00:00:00"),
        ("2024.01.31 07:00", "2024-01-31T07:00:00"),
        ("2024-01", "2024-01-01T00:00:00"),
        ("31.01.2024", "2024-01-31T00:00:00"),
        ("31.1.2024 7:00", "2024-01-31T07:00:00"),
        ("01/31/2024", "2024-01-31T00:00:00"),
        ("31-Jan-2024", "2024-01-31T00:00:00"),
        ("31 january 2024 13:00", "2024-01-31T13:00:00"),
        ("Jan 31, 2024", "2024-01-31T00:00:00"),
        ("1704067200", "2024-01-01T00:00:00"),
        ("1704067200.25", "2024-01-01T00:00:00.250000"),
        ("1704067200123", "2024-01-01T00:00:00.123000"),
        ("1704067200123456", "2024-01-01T00:00:00.123456"),
        ("1704067200123456789", "2024-01-01T00:00:00.123456"),
    ],
)
def test_an_unambiguous_time_is_read_as_utc(text: str, utc: str) -> None:
    assert one(text) == utc


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "says no time"),
        ("NaT", "says no time"),
        ("None", "says no time"),
        ("soon", "is not a time such as"),
        ("2024-02-30", "not a day of the calendar"),
        ("2024-13-01", "not a day of the calendar"),
        ("20240230", "not a day of the calendar"),
        ("2024-01-01 25:00", "no such time of day"),
        ("2024-01-01 24:01", "no such time of day"),
        ("2024-01-01 00:60", "no such time of day"),
        ("2024-01-01 23:59:60", "no such time of day"),
        ("2024-01-01 13:00 PM", "no such time of day"),
        ("2024-01-01 00:00 AM", "no such time of day"),
        ("9999-12-31", "year outside 1900 to 2200"),
        ("0001-01-01", "year outside 1900 to 2200"),
        ("0024-01-01", "year outside 1900 to 2200"),
        ("9999999999999", "year outside 1900 to 2200"),
        ("infinity", "is infinite"),
        ("-Infinity", "is infinite"),
        ("2024-01-01 (BC)", "before Christ"),
        ("0044-03-15 BC", "before Christ"),
        ("31.01.24", "year of two digits"),
        ("01/31/24 13:00", "year of two digits"),
        ("31-Jan-24", "year of two digits"),
        ("45000", "as Excel counts days"),
        ("45000.5", "as Excel counts days"),
        ("2024", "a year alone"),
        ("0", "no way of writing a time explains"),
        ("-86400", "no way of writing a time explains"),
        ("170406720", "no way of writing a time explains"),
        ("1.70407E+09", "a spreadsheet has cut off"),
        ("20240131.5", "a date with a fraction"),
        ("13:00", "without a date"),
        ("2024-W05-1", "a week of a year"),
        ("2024-031", "a day of a year"),
        ("2024-01-01+01:00", "a zone but no time of day"),
        ("2024-01-01 00:00 Nonsense/Zone", "names a zone that is not known"),
        ("2024-01-01 00:00 right/UTC", "names a zone that is not known"),
        ("2024-01-01 00:00 ../etc/passwd", "is not a time such as"),
        ("2024-01-01 00:00 CET", "letters that are not unique"),
        ("2024-01-01 00:00 EST", "letters that are not unique"),
        ("2024-01-01 00:00 UTC+1", "letters that are not unique"),
        ("2024-01-01 00:00+15:00", "an offset that no zone has"),
        ("2024-01-01 00:00+01:60", "an offset that no zone has"),
        ("2024-01-01 00:00+01:00[Europe/London]", "its zone does not have at this time"),
        ("2024-03-31 02:30 Europe/Berlin", "clocks of its zone skip"),
        ("2024-10-27 02:30 Europe/Berlin", "clocks of its zone show twice"),
        ("01/02/2024", "set date_format, for example to %d/%m/%Y"),
        ("1.2.2024 13:00", "set date_format, for example to %d.%m.%Y"),
        ("2024010113", "may be yyyymmddHH or seconds since 1970"),
        ("\uff12\uff10\uff12\uff14-01-01", "is not a time such as"),
        ("2024-01-01\n2024-01-02", "is not a time such as"),
        ("0000000000000000", "no way of writing a time explains"),
        ("2024-01-01\0", "is not a time such as"),
        ("2024-01-01" + " " * 60 + "x", "longer than any time"),
    ],
)
def test_an_ambiguous_or_invalid_time_is_refused_with_the_reason(text: str, reason: str) -> None:
    assert reason in one(text)


def test_every_hour_of_a_zone_is_read_with_its_offset_or_refused() -> None:
    hours = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=hour) for hour in range(8784)]
    berlin = [
        moment.astimezone(timezone(timedelta(hours=2 if moment_is_summer(moment) else 1))) for moment in hours
    ]

    parsed = parse_times([f"{local:%Y-%m-%d %H:%M} Europe/Berlin" for local in berlin])

    read = np.flatnonzero(~np.isnat(parsed.values))
    expected = np.array([f"{moment:%Y-%m-%dT%H:%M}" for moment in hours], "datetime64[us]")
    assert (parsed.values[read] == expected[read]).all()
    twice = [place for place, local in enumerate(berlin) if f"{local:%m-%d %H}" == "10-27 02"]
    assert sorted(parsed.reasons) == twice


def moment_is_summer(moment: datetime) -> bool:
    """Return whether Berlin's clocks of 2024 are two hours ahead."""
    return datetime(2024, 3, 31, 1, tzinfo=UTC) <= moment < datetime(2024, 10, 27, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        (["01.02.2024", "13.02.2024"], ["2024-02-01", "2024-02-13"]),
        (["01/02/2024", "02/13/2024"], ["2024-01-02", "2024-02-13"]),
        (["01/02/2024", "12/12/2024"], None),
        (["01/02/2024", "02/13/2024", "13/02/2024"], None),
        (["01/02/2024", "13.02.2024"], ["NaT", "2024-02-13"]),
        (["01/02/2024", "13/13/2024"], None),
    ],
)
def test_the_whole_column_decides_whether_the_day_comes_first(
    texts: list[str], read: list[str] | None
) -> None:
    values = parse_times(texts).values.astype("datetime64[D]").astype(str).tolist()

    assert values == (read or ["NaT"] * len(texts))


def test_the_parts_of_a_column_decide_together() -> None:
    parts = ["01.02.2024"], ["13.02.2024"]

    evidence = evidence_of_times(parts[0]) + evidence_of_times(parts[1])

    assert str(parse_times(parts[0], evidence=evidence).values[0]) == "2024-02-01T00:00:00.000000"


@pytest.mark.parametrize(
    ("texts", "refused"),
    [
        (["2024010100", "2024010101", "2024010102"], [0, 1, 2]),
        (["1704067200", "1704070800"], []),
        (["240131000000", "240131010000", "200112101030"], [0, 1, 2]),
        (["20240131", "20240132", "20240201"], [1]),
        (["12345678", "20240131", "87654321"], [0, 1, 2]),
        (["2009-10", "2010-11", "2011-12", "2012-13"], [0, 1, 2, 3]),
        (["2024-01", "2024-02"], []),
    ],
)
def test_digits_are_refused_as_times_if_most_of_the_column_are_not(
    texts: list[str], refused: list[int]
) -> None:
    assert sorted(parse_times(texts).reasons) == refused


@pytest.mark.parametrize(
    ("text", "date_format", "utc"),
    [
        ("01.02.2024", "%d.%m.%Y", "2024-02-01T00:00:00"),
        ("01.02.24 5:06 PM", "%d.%m.%y %I:%M %p", "2024-02-01T17:06:00"),
        ("01.02.69", "%d.%m.%y", "1969-02-01T00:00:00"),
        ("01022024", "%d%m%Y", "2024-02-01T00:00:00"),
        ("2024010113", "%Y%m%d%H", "2024-01-01T13:00:00"),
        ("240131134501", "%y%m%d%H%M%S", "2024-01-31T13:45:01"),
        ("2024", "%Y", "2024-01-01T00:00:00"),
        ("5 May 2024 06:00 -0330", "%d %b %Y %H:%M %z", "2024-05-05T09:30:00"),
        ("2024-07-01 00:00 Europe/Berlin", "%Y-%m-%d %H:%M %Z", "2024-06-30T22:00:00"),
        ("170406720", "epoch_s", "1975-05-27T07:12:00"),
        ("-1", "epoch_s", "1969-12-31T23:59:59"),
        ("500", "epoch_ms", "1970-01-01T00:00:00.500000"),
    ],
)
def test_a_date_format_decides(text: str, date_format: str, utc: str) -> None:
    assert one(text, date_format) == utc


def test_with_a_date_format_times_in_other_formats_are_refused() -> None:
    assert "is not written as date_format '%d.%m.%Y' says" in one("2024-02-01", "%d.%m.%Y")


def test_times_with_and_without_a_zone_in_one_column_are_noted() -> None:
    assert parse_times(["2024-01-01T00:00Z", "2024-01-02"]).notes == (
        "times with a zone, converted to UTC: 1 of 2; the others were taken as they are",
    )
    assert parse_times(["2024-01-01T00:00Z", "2024-01-02T00:00+01:00"]).notes == ()


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_the_zone_of_the_machine_does_not_matter(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["2024-07-01 00:00", "2024-07-01T00:00Z", "1719792000", "2024-07-01 02:00 Europe/Berlin"]
    with monkeypatch.context() as patched:
        patched.setenv("TZ", zone)
        time.tzset()

        values = set(parse_times(texts).values.tolist())

    time.tzset()
    assert values == {datetime(2024, 7, 1)}  # noqa: DTZ001 -- NumPy's times have no zone


MOMENTS = st.datetimes(datetime(1900, 1, 2), datetime(2200, 12, 30))  # noqa: DTZ001 -- zones are drawn beside them
OFFSETS = st.integers(-12 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
STEPS = st.sampled_from(["minutes", "seconds", "milliseconds", "microseconds"])


@given(st.lists(st.tuples(MOMENTS, st.one_of(st.none(), OFFSETS), STEPS, st.sampled_from("T ")), max_size=20))
def test_a_time_in_iso_form_is_read_as_python_reads_it(
    rows: list[tuple[datetime, timezone | None, str, str]],
) -> None:
    texts = [moment.replace(tzinfo=zone).isoformat(sep, steps) for moment, zone, steps, sep in rows]

    parsed = parse_times(texts)

    assert parsed.reasons == {}
    assert parsed.values.tolist() == [in_utc(datetime.fromisoformat(text)) for text in texts]


def in_utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


PIECES = st.sampled_from(
    [*"0123456789", "20", "24", "-", "/", ".", ":", " ", "T", "Z", "+01:00", "AM", "Jan"]
)
NEAR = st.lists(PIECES, max_size=12).map("".join)
WRITTEN = st.builds(
    lambda moment, form: f"{moment:{form}}",
    MOMENTS,
    st.sampled_from(["%Y-%m-%d %H:%M", "%Y%m%d%H%M", "%d.%m.%Y", "%b %d, %Y %I:%M %p", "%Y/%m/%dT%H:%M:%S"]),
)
TEXTS = st.one_of(NEAR, WRITTEN, st.builds("{}{}".format, WRITTEN, NEAR), st.text(max_size=20))
REFERENCE = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y"),
    *("%m.%d.%Y", "%m/%d/%Y", "%m-%d-%Y"),
    *("%b %d, %Y", "%b %d %Y", "%d %b %Y", "%d-%b-%Y", "%d/%b/%Y", "%d. %b %Y", "%d.%b %Y"),
    *("%d.%b.%Y", "%d-%b %Y", "%d/%b %Y", "%Y-%b-%d", "%Y/%b/%d", "%Y %b %d"),
)
CLOCKS = (
    "%H:%M",
    "%H:%M:%S",
    "%H:%M:%S.%f",
    "%I:%M %p",
    "%I:%M:%S %p",
    "%I:%M:%S.%f %p",
    "%I %p",
    "%H",
    "%H%M",
    "%H%M%S",
    "%H%M%S.%f",
)
"""With `strptime` these are another way to read the same texts."""


@given(st.lists(TEXTS, min_size=1, max_size=10))
def test_an_accepted_time_is_the_one_that_strptime_reads(texts: list[str]) -> None:
    parsed = parse_times(texts)

    for place, text in enumerate(texts):
        if place not in parsed.reasons:
            assert parsed.values[place].item() in readings_of(text), text


def readings_of(text: str) -> set[datetime]:
    """Return every moment that a text may be, by Python's own means."""
    text = text.strip()
    found = set(epoch(text)) | parsed_by(f"{text.replace('/', '-')}-01", ("%Y-%m-%d",))
    for zone, ahead in (("", 0), ("Z", 0), ("z", 0), ("+01:00", 1)):
        local = text.removesuffix(zone).strip()
        found |= {moment - timedelta(hours=ahead) for moment in parsed_by(local, REFERENCE)}
        for place in range(8, len(local)):
            date, clock = local[:place].rstrip(" ,"), local[place:].lstrip(" ,Tt").replace(",", ".")
            clock = (
                clock.upper().replace(".M", "M").replace("M.", "M").replace("AM", " AM").replace("PM", " PM")
            )
            for day in parsed_by(date.removesuffix(".0"), REFERENCE):
                for moment in parsed_by(f"2000-01-01 {clock}", [f"%Y-%m-%d {form}" for form in CLOCKS]):
                    found.add(datetime.combine(day, moment.time()) - timedelta(hours=ahead))
    return found


def parsed_by(text: str, forms: Sequence[str]) -> set[datetime]:
    found = set()
    for form in forms:
        with suppress(ValueError):
            found.add(datetime.strptime(text, form))  # noqa: DTZ007 -- zones are taken off before
    return found


def epoch(text: str) -> list[datetime]:
    whole, _, fraction = text.replace(",", ".").partition(".")
    units = {10: 0, 13: 3, 16: 6, 19: 9}
    if not whole.isdigit() or len(whole) not in units:
        return []
    split = len(whole) - units[len(whole)]
    micros = (whole[split:] + fraction).ljust(6, "0")[:6]
    start = datetime(1970, 1, 1)  # noqa: DTZ001 -- NumPy's times have no zone
    return [start + timedelta(seconds=int(whole[:split]), microseconds=int(micros))]
