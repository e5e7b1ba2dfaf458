"""Whatever bytes an archive is made of, it is read in bounds or refused, and nothing is ever written."""

import gzip
import io
import json
import os
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleetcast.archive import Archive, pack, read_folder, read_stream, unpack
from fleetcast.errors import ArchiveError, OwnCodeError

MODEL = json.dumps({"growth": "linear", "text": "x" * 500})
WHOLE = pack(Archive(MODEL, {"customer": "7"}))
MEGABYTE = 1024 * 1024


def member(name: str, *, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.size, found.linkname = kind, size, link
    return found


def packed(*members: tuple[tarfile.TarInfo, bytes], plain_format: int = tarfile.PAX_FORMAT) -> bytes:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=plain_format) as tar:
        for each, content in members:
            if each.isreg() and not each.size:
                each.size = len(content)
            tar.addfile(each, io.BytesIO(content) if len(content) == each.size else None)
    return gzip.compress(plain.getvalue(), compresslevel=1)


def file(name: str, content: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    return member(name), content


def special(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    return member(name, kind=kind, link=link), b""


MODEL_FILE = file("model.json", MODEL.encode())


def many_members() -> bytes:
    """Return a million empty members: half a gigabyte of headers in half a megabyte."""
    header = member("x").tobuf(tarfile.USTAR_FORMAT)
    return gzip.compress(header * 1_000_000, compresslevel=1)


def header_of(name: str, size: int) -> bytes:
    return member(name, size=size).tobuf(tarfile.GNU_FORMAT)


def empty_blocks() -> bytes:
    """Return a deflate stream of stored blocks that hold nothing: all input, no output."""
    return gzip.compress(b"")[:10] + b"\x00\x00\x00\xff\xff" * (20 * MEGABYTE)


def old_sparse() -> bytes:
    buffer = bytearray(header_of("model.json", 512))
    buffer[156:157] = tarfile.GNUTYPE_SPARSE
    return gzip.compress(checked(buffer) + bytes(512) + bytes(1024))


def checked(header: bytearray) -> bytes:
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def negative_size() -> bytes:
    buffer = bytearray(header_of("a", 0))
    buffer[124:136] = b"\xff" * 12
    return gzip.compress(checked(buffer) + MODEL_FILE[1])


HOSTILE: dict[str, Callable[[], bytes]] = {
    "parent": lambda: packed(file("../evil"), MODEL_FILE),
    "parent within": lambda: packed(file("code/../../evil"), MODEL_FILE),
    "absolute": lambda: packed(file("/etc/evil"), MODEL_FILE),
    "link": lambda: packed(special("model.json", tarfile.SYMTYPE, "/etc/passwd")),
    "link beside": lambda: packed(MODEL_FILE, special("code", tarfile.SYMTYPE, "/etc")),
    "hard link": lambda: packed(special("model.json", tarfile.LNKTYPE, "/etc/passwd")),
    "character device": lambda: packed(MODEL_FILE, special("zero", tarfile.CHRTYPE)),
    "block device": lambda: packed(MODEL_FILE, special("disk", tarfile.BLKTYPE)),
    "pipe": lambda: packed(special("model.json", tarfile.FIFOTYPE)),
    "sparse": old_sparse,
    "bomb": lambda: gzip.compress(bytes(300 * MEGABYTE), compresslevel=1),
    "bomb in a member": lambda: gzip.compress(
        header_of("weights", 300 * MEGABYTE) + bytes(300 * MEGABYTE), compresslevel=1
    ),
    "bomb after the end": lambda: gzip.compress(
        header_of("model.json", 0) + bytes(300 * MEGABYTE), compresslevel=1
    ),
    "bomb as the model": lambda: gzip.compress(
        header_of("model.json", 60 * MEGABYTE) + b"x" * (60 * MEGABYTE), compresslevel=1
    ),
    "empty blocks": empty_blocks,
    "a million members": many_members,
    "negative size": negative_size,
    "huge size": lambda: gzip.compress(header_of("model.json", 2**62) + b"{}"),
    "two models": lambda: packed(MODEL_FILE, MODEL_FILE),
    "no tar": lambda: gzip.compress(b"hello" * 500),
    "a short tar": lambda: gzip.compress(b"hello"),
    "no gzip": lambda: b"hello" * 500,
    "nothing": lambda: b"",
    "an empty tar": packed,
    "a folder for a model": lambda: packed(special("model.json", tarfile.DIRTYPE)),
    "bytes behind": lambda: WHOLE + b"x",
    "another archive behind": lambda: WHOLE + WHOLE,
    "no text": lambda: packed(file("model.json", b"\xff\xfe\x00")),
    "wide text": lambda: packed(file("model.json", b"x" * (5 * MEGABYTE) + "\U0001f600".encode())),
    "metadata is no JSON": lambda: packed(MODEL_FILE, file("metadata.json", b"{")),
    "metadata is nested": lambda: packed(MODEL_FILE, file("metadata.json", b"[" * 100_000)),
    "metadata is a list": lambda: packed(MODEL_FILE, file("metadata.json", b"[]")),
    "metadata is large": lambda: packed(MODEL_FILE, file("metadata.json", b" " * (2 * MEGABYTE))),
}


@contextmanager
def less_than_64_mb() -> Iterator[None]:
    tracemalloc.start()
    yield
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 * MEGABYTE


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_archive_is_refused_within_bounds_and_nothing_is_written(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = HOSTILE[kind]()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()

    with less_than_64_mb(), pytest.raises(ArchiveError) as refused:
        unpack(content)

    assert [path.name for path in tmp_path.iterdir()] == ["here"]
    assert "/" not in str(refused.value)


def test_an_endless_gzip_stream_that_decompresses_to_nothing_is_refused() -> None:
    content = io.BytesIO(empty_blocks())

    with pytest.raises(ArchiveError, match="more than"):
        read_stream(content)

    assert content.tell() <= 65 * MEGABYTE


def test_an_archive_cut_anywhere_is_refused() -> None:
    for length in range(len(WHOLE)):
        with pytest.raises(ArchiveError):
            unpack(WHOLE[:length])


def test_an_archive_with_any_bit_flipped_is_refused_or_has_the_same_contents() -> None:
    same = 0
    for place in range(8 * len(WHOLE)):
        flipped = bytearray(WHOLE)
        flipped[place // 8] ^= 1 << place % 8
        with suppress(ArchiveError):
            assert unpack(flipped) == unpack(WHOLE)
            same += 1

    assert same <= 7 * 8  # gzip's own time, flags of no meaning and system are under no checksum


@given(st.data())
@settings(max_examples=300)
def test_any_bytes_in_a_tar_are_read_or_refused(data: st.DataObject) -> None:
    plain = bytearray(gzip.decompress(WHOLE))
    for _ in range(data.draw(st.integers(1, 5))):
        place = data.draw(st.integers(0, len(plain) - 1))
        plain[place : place + data.draw(st.integers(0, 12))] = data.draw(st.binary(max_size=12))

    with suppress(ArchiveError):
        unpack(gzip.compress(plain, compresslevel=1))


@given(st.binary(max_size=2_000))
@settings(max_examples=200)
def test_any_bytes_are_refused(content: bytes) -> None:
    for each in (content, gzip.compress(content)):
        with pytest.raises(ArchiveError):
            unpack(each)


@pytest.mark.parametrize("plain_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["model.json", "./model.json"])
def test_archives_made_by_other_tools_are_read_without_their_code(name: str, plain_format: int) -> None:
    long_name = "code/" + "ü" * 60 + "/" + "x" * 80
    folder = special("./", tarfile.DIRTYPE), special("./code/", tarfile.DIRTYPE)
    others = file("code/inference.py", b"raise SystemExit\n"), file(long_name, b"y" * 1_000)

    found = unpack(packed(*folder, *others, file(name, MODEL.encode()), plain_format=plain_format))

    assert found == Archive(MODEL, {}, brings_code=True)


def test_a_model_of_16_mb_is_read_within_64_mb() -> None:
    content = packed(file("model.json", b"x" * (16 * MEGABYTE)))

    with less_than_64_mb():
        assert len(unpack(content).model) == 16 * MEGABYTE


def test_an_archive_with_code_but_no_model_has_an_error_of_its_own() -> None:
    with pytest.raises(OwnCodeError):
        unpack(packed(file("./code/inference.py"), file("model.joblib")))


def test_a_folder_with_code_but_no_model_has_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "inference.py").touch()

    with pytest.raises(OwnCodeError):
        read_folder(tmp_path)


def replaced(tmp_path: Path, kind: str) -> None:
    model = tmp_path / "model.json"
    if kind == "link":
        (tmp_path / "elsewhere").write_text(MODEL)
        model.symlink_to("elsewhere")
    elif kind == "pipe":
        os.mkfifo(model)
    elif kind == "folder":
        model.mkdir()
    elif kind == "large":
        with model.open("wb") as large:
            large.truncate(17 * MEGABYTE)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("link", "is a link"), ("pipe", "is not a file"), ("folder", "is not a file"), ("large", "larger than")],
)
def test_a_member_that_is_not_a_regular_file_is_refused_in_a_folder(
    kind: str, reason: str, tmp_path: Path
) -> None:
    replaced(tmp_path, kind)

    with pytest.raises(ArchiveError, match=reason):
        read_folder(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="cannot be read"):
        read_folder(tmp_path / "nowhere")
