"""Archives as people pack them, and as somebody would who means harm."""

from __future__ import annotations

import io
import stat
import struct
import tarfile
import zipfile
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy.errors import RecordingError, UsageError
from energy.submission.archive import ArchiveLimits, is_archive, unpacked
from energy.submission.tree import read_tree

FILES = {"v9/closed/acme/results/board/kws/energy/log.txt": b"x" * 3000, "v9/LICENSE.md": b""}
TARS = {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}


def make_tar(path, files=FILES, mode="w", **changes):
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            for key, value in changes.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))
    return path


def make_zip(path, files=FILES, mode=0, **changes):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = mode << 16
            for key, value in changes.items():
                setattr(info, key, value)
            archive.writestr(info, data)
    return path


def make(path, files):
    return make_zip(path, files) if path.suffix == ".zip" else make_tar(path, files)


def refused(path, code, limits=None):
    before = set(path.parent.iterdir())
    with pytest.raises(RecordingError) as caught, unpacked(path, limits or ArchiveLimits(), path.parent):
        pytest.fail("it was unpacked")
    assert caught.value.code == code
    assert set(path.parent.iterdir()) == before
    return caught.value


@pytest.mark.parametrize("ending", [*TARS, "zip"])
def test_every_format_is_unpacked_and_removed_again(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    make_zip(path) if ending == "zip" else make_tar(path, mode=TARS[ending])
    assert is_archive(path)
    with unpacked(path) as folder:
        assert {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()} == FILES
        (place,) = read_tree(folder).places()
        assert place.name == "v9/closed/acme/board/kws"
    assert not folder.exists()


def test_the_folder_is_removed_after_an_error_too(tmp_path):
    path = make_zip(tmp_path / "a.zip")
    with pytest.raises(KeyError), unpacked(path, within=tmp_path):
        raise KeyError
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("ending", ["zip", "tar"])
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("../x", "archive.unsafe-path"),
        ("a/../../x", "archive.unsafe-path"),
        ("/etc/x", "archive.unsafe-path"),
        ("C:/x", "archive.unsafe-path"),
        ("..\\x", "archive.unsafe-path"),
        ("a/" + "y" * 256, "archive.unsafe-path"),
        ("./.", "archive.unsafe-path"),
        ("/".join("a" * 30), "archive.too-large"),
    ],
)
def test_a_path_that_leads_elsewhere_refuses_the_archive(tmp_path, ending, name, code):
    refused(make(tmp_path / f"a.{ending}", {"good.txt": b"1", name: b"2"}), code)
    assert not (tmp_path / "x").exists()
    assert not (tmp_path.parent / "x").exists()


@pytest.mark.parametrize("ending", ["zip", "tar"])
@pytest.mark.parametrize(
    "names", [("a/B.txt", "a/b.TXT"), ("a", "a/b"), ("a/b", "a"), ("e\u0301", "\u00e9"), ("a", "./a")]
)
def test_two_files_of_one_name_refuse_the_archive(tmp_path, ending, names):
    refused(make(tmp_path / f"a.{ending}", dict.fromkeys(names, b"")), "archive.collision")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_in_a_tar_refuses_it(tmp_path, kind):
    refused(make_tar(tmp_path / "a.tar", {"x": b""}, type=kind, linkname="/etc/passwd"), "archive.link")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_in_a_tar_refuses_it(tmp_path, kind):
    refused(make_tar(tmp_path / "a.tar", {"x": b""}, type=kind), "archive.special-file")


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        (stat.S_IFLNK | 0o777, "archive.link"),
        (stat.S_IFCHR, "archive.special-file"),
        (stat.S_IFIFO, "archive.special-file"),
    ],
)
def test_links_and_devices_in_a_zip_refuse_it(tmp_path, mode, code):
    refused(make_zip(tmp_path / "a.zip", {"x": b"/etc/passwd"}, mode), code)


def test_an_encrypted_zip_is_refused(tmp_path):
    path = make_zip(tmp_path / "a.zip", {"x": b"1"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    refused(path, "archive.encrypted")


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tar.xz", "tar.bz2"])
def test_too_many_bytes_or_entries_refuse_it(tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    make_zip(path) if ending == "zip" else make_tar(path, mode=TARS[ending])
    refused(path, "archive.too-large", ArchiveLimits(total_bytes=2000))
    refused(path, "archive.too-large", ArchiveLimits(entries=1))


@pytest.mark.parametrize("ending", ["zip", "tar.gz", "tar.xz"])
def test_a_bomb_ends_early(tmp_path, ending, monkeypatch):
    monkeypatch.setattr("energy.submission.archive_streams.FREE", 1 << 16)
    path = tmp_path / f"a.{ending}"
    files = {"zeros": bytes(2 << 20)}
    make_zip(path, files) if ending == "zip" else make_tar(path, files, TARS[ending])
    error = refused(path, "archive.too-large")
    assert f"its {path.stat().st_size} bytes unpack to" in error.message


def test_a_header_that_claims_gigabytes_is_not_read_into_memory(tmp_path):
    path = make_tar(tmp_path / "a.tar", {"x": b""}, type=tarfile.XHDTYPE)
    data = bytearray(path.read_bytes())
    data[124:136] = b"77777777777\0"
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    path.write_bytes(data)
    assert "a header of 8589934591 bytes" in refused(path, "archive.damaged").message


def test_a_sparse_file_does_not_fill_the_disk(tmp_path):
    path = tmp_path / "a.tar"
    info = tarfile.TarInfo("x")
    info.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.size": str(1 << 40), "GNU.sparse.map": "0,0"}
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info)
    refused(path, "archive.too-large", ArchiveLimits(total_bytes=1 << 20))


def test_an_xz_file_that_asks_for_much_memory_is_refused(tmp_path):
    path = make_tar(tmp_path / "a.tar.xz", mode="w:xz")
    data = bytearray(path.read_bytes())
    data[16] = 40  # the dictionary's size: 4 GiB - 1
    header = bytes(data[12:20])
    data[20:24] = struct.pack("<I", zlib.crc32(header))
    path.write_bytes(data)
    assert "emory" in refused(path, "archive.damaged").message


def test_a_zip_whose_directory_claims_millions_is_refused_before_it_is_read(tmp_path):
    path = make_zip(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x05\x06")
    struct.pack_into("<H", data, at + 10, 65535)
    path.write_bytes(data)
    refused(path, "archive.too-large")
    path.write_bytes(bytes(data[:at]) + b"PK\x06\x07" + bytes(16) + bytes(data[at:]))
    refused(path, "archive.too-large")


@pytest.mark.parametrize("keep", [0.2, 0.5, 0.9])
@pytest.mark.parametrize("ending", ["zip", "tar.gz", "tar.xz", "tar.bz2"])
def test_a_cut_archive_is_damaged(tmp_path, ending, keep):
    path = tmp_path / f"a.{ending}"
    files = {f"f{number}": bytes(range(256)) * 8 for number in range(20)}
    make_zip(path, files) if ending == "zip" else make_tar(path, files, TARS[ending])
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * keep)])
    refused(path, "archive.damaged")


@pytest.mark.parametrize("data", [b"", b"hello", b"\x1f\x8bxx", b"PK\x03\x04"])
def test_what_is_no_archive_is_refused(tmp_path, data):
    path = tmp_path / "a.zip"
    path.write_bytes(data)
    with pytest.raises(RecordingError, match=r"archive\.(foreign|damaged)"), unpacked(path):
        pytest.fail("it was unpacked")


def test_folders_and_missing_files_are_no_archives(tmp_path):
    assert not is_archive(tmp_path)
    assert not is_archive(tmp_path / "none")
    with pytest.raises(UsageError, match=r"path\.missing"), unpacked(tmp_path / "none"):
        pytest.fail("it was unpacked")


def archive_bytes(ending):
    stream = io.BytesIO()
    make_zip(stream) if ending == "zip" else make_tar_into(stream, TARS[ending])
    return stream.getvalue()


def make_tar_into(stream, mode):
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        info = tarfile.TarInfo("v9/log.txt")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"hello"))


WHOLE = {ending: archive_bytes(ending) for ending in [*TARS, "zip"]}


@given(
    st.sampled_from(list(WHOLE)),
    st.lists(st.tuples(st.integers(0, 2**14), st.integers(0, 255)), max_size=6),
    st.binary(max_size=20),
)
def test_damage_gives_files_within_the_folder_or_a_coded_error(tmp_path_factory, ending, changes, tail):
    data = bytearray(WHOLE[ending])
    for at, value in changes:
        data[at % len(data)] = value
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(bytes(data) + tail)
    try:
        with unpacked(path, ArchiveLimits(total_bytes=1 << 22)) as folder:
            found = [p.resolve().is_relative_to(folder.resolve()) for p in folder.rglob("*")]
    except RecordingError as error:
        found = [error.code.startswith("archive.")]
    assert all(found)
