import gzip
import io
import tarfile
from pathlib import Path

import pytest

from fleetcast.archive import (
    Archive,
    pack,
    read_archive,
    read_folder,
    write_archive,
)
from fleetcast.errors import ArchiveError

ARCHIVE = Archive('{"growth": "linear"}', {"customer": "ä/b", "rows": 3})


def tar_gz(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as tar:
        for member, content in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))
    path.write_bytes(gzip.compress(plain.getvalue()))
    return path


def test_an_archive_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = write_archive(tmp_path, "7 ü", pack(ARCHIVE))

    assert path.name == "7 ü.tar.gz"
    assert read_archive(path) == ARCHIVE


def test_equal_input_gives_equal_bytes() -> None:
    assert pack(ARCHIVE) == pack(Archive(ARCHIVE.model, {"rows": 3, "customer": "ä/b"}))


def test_tarfile_reads_an_archive(tmp_path: Path) -> None:
    with tarfile.open(write_archive(tmp_path, "7", pack(ARCHIVE))) as tar:
        assert tar.getnames() == ["model.json", "metadata.json"]


def test_an_extracted_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")

    assert read_folder(tmp_path) == Archive("{}", {})


def test_a_truncated_archive_is_refused_at_every_length(tmp_path: Path) -> None:
    whole = pack(ARCHIVE)
    path = tmp_path / "7.tar.gz"

    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(ArchiveError):
            read_archive(path)


def test_a_flipped_bit_in_the_contents_is_refused(tmp_path: Path) -> None:
    whole = bytearray(pack(ARCHIVE))
    path = tmp_path / "7.tar.gz"

    for place in range(10, len(whole)):
        flipped = whole.copy()
        flipped[place] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(ArchiveError):
            read_archive(path)


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "7.tar.gz"
    path.write_bytes(gzip.compress(bytes(100 * 1024 * 1024)))

    with pytest.raises(ArchiveError, match="more than"):
        read_archive(path)


def test_a_link_is_refused(tmp_path: Path) -> None:
    link = tarfile.TarInfo("model.json")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"

    with pytest.raises(ArchiveError, match="holds a link"):
        read_archive(tar_gz(tmp_path / "7.tar.gz", (link, b"")))


def test_an_archive_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"no model\.json"):
        read_archive(tar_gz(tmp_path / "7.tar.gz", (tarfile.TarInfo("sub/model.json"), b"{}")))


def test_the_archive_of_a_global_model_is_read_as_it_was_written(tmp_path: Path) -> None:
    archive = Archive(b"\x00\xff not UTF-8", {"customer": "global_model"})
    path = write_archive(tmp_path, "global_model", pack(archive))

    assert read_archive(path) == archive
    with tarfile.open(path) as tar:
        assert tar.getnames() == ["global_model.msgpack", "metadata.json"]


def test_a_folder_with_a_global_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "global_model.msgpack").write_bytes(b"\xff")

    assert read_folder(tmp_path) == Archive(b"\xff", {})


def test_an_archive_with_both_kinds_of_models_is_refused(tmp_path: Path) -> None:
    members = [(tarfile.TarInfo(name), b"{}") for name in ("model.json", "global_model.msgpack")]

    with pytest.raises(ArchiveError, match="one of them is accepted"):
        read_archive(tar_gz(tmp_path / "7.tar.gz", *members))


def test_a_global_model_larger_than_16_mb_is_refused(tmp_path: Path) -> None:
    with (tmp_path / "global_model.msgpack").open("wb") as large:
        large.truncate(17 * 1024 * 1024)

    with pytest.raises(ArchiveError, match=r"global_model\.msgpack is larger than"):
        read_folder(tmp_path)
