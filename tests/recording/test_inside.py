"""What may be opened in a folder that came from elsewhere, against what the operating system would open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from energy.errors import RecordingError
from energy.recording.inside import (
    append_inside,
    folders_kept,
    open_inside,
    opened_by_names,
    read_inside,
    strange_in,
    within,
)

SECRET = b"not yours"


@pytest.fixture
def outside(tmp_path):
    """A folder with a file beside the one that is read."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(SECRET)
    (tmp_path / "in" / "below").mkdir(parents=True)
    (tmp_path / "in" / "below" / "file").write_bytes(b"mine")
    return tmp_path / "outside"


def content(path):
    with open_inside(path) as file:
        return file.read()


def link_to_a_file(inside, outside):
    (inside / "x").symlink_to(outside / "file")
    return inside / "x", "file.link"


def relative_link_to_a_file(inside, outside):
    (inside / "x").symlink_to("../outside/file")
    return inside / "x", "file.link"


def link_that_stays_inside(inside, outside):
    (inside / "x").symlink_to("below/file")
    return inside / "x", "file.link"


def link_to_a_folder(inside, outside):
    (inside / "x").symlink_to(outside)
    return inside / "x" / "file", "file.link"


def link_further_up(inside, outside):
    (outside / "deep").mkdir()
    (outside / "deep" / "file").write_bytes(SECRET)
    (inside / "x").symlink_to(outside)
    return inside / "x" / "deep" / "file", "file.link"


def link_to_nothing(inside, outside):
    (inside / "x").symlink_to("nothing")
    return inside / "x", "file.link"


def link_to_itself(inside, outside):
    (inside / "x").symlink_to("x")
    return inside / "x", "file.link"


def link_to_a_pipe(inside, outside):
    os.mkfifo(outside / "pipe")
    (inside / "x").symlink_to(outside / "pipe")
    return inside / "x", "file.link"


def pipe(inside, outside):
    os.mkfifo(inside / "x")
    return inside / "x", "file.unreadable"


def device(inside, outside):
    (inside / "x").symlink_to("/dev/zero")
    return inside / "x", "file.link"


def folder(inside, outside):
    return inside / "below", "file.unreadable"


def way_up(inside, outside):
    return inside / ".." / "outside" / "file", "file.outside"


CASES = [
    link_to_a_file,
    relative_link_to_a_file,
    link_that_stays_inside,
    link_to_a_folder,
    link_further_up,
    link_to_nothing,
    link_to_itself,
    link_to_a_pipe,
    pipe,
    device,
    folder,
    way_up,
]


@pytest.mark.parametrize("case", CASES)
def test_nothing_is_opened_that_is_no_file_of_the_folder(case, outside, tmp_path):
    path, code = case(tmp_path / "in", outside)
    with within(tmp_path / "in"), pytest.raises(RecordingError) as refused:
        open_inside(path)
    assert refused.value.code == code
    with within(tmp_path / "in"), pytest.raises(RecordingError):
        append_inside(path)
    assert (outside / "file").read_bytes() == SECRET


@pytest.mark.parametrize("case", [one for one in CASES if one is not way_up])
def test_where_names_are_looked_at_first_the_same_is_refused(case, outside, tmp_path):
    path, code = case(tmp_path / "in", outside)
    with pytest.raises(RecordingError) as refused:
        opened_by_names(tmp_path / "in", path.relative_to(tmp_path / "in").parts, path, os.O_RDONLY)
    assert refused.value.code == code


def test_what_a_person_names_may_be_a_link(outside, tmp_path):
    (tmp_path / "folder").symlink_to(tmp_path / "in")
    (tmp_path / "name").symlink_to(outside / "file")
    with within(tmp_path / "folder"):
        assert content(tmp_path / "folder" / "below" / "file") == b"mine"
    with within(tmp_path / "name"):
        assert content(tmp_path / "name") == SECRET
    with pytest.raises(RecordingError, match=r"file\.link"):
        open_inside(tmp_path / "name")


def test_a_root_further_in_allows_no_more_than_the_one_that_was_named(outside, tmp_path):
    path, _ = link_to_a_folder(tmp_path / "in", outside)
    with within(tmp_path / "in"), within(path.parent), within(path), pytest.raises(RecordingError):
        open_inside(path)


def in_folders(root, *names):
    with within(root):
        return content(root.joinpath(*names))


def by_names(root, *names):
    with os.fdopen(opened_by_names(root, names, root.joinpath(*names), os.O_RDONLY), "rb") as file:
        return file.read()


@pytest.mark.parametrize("name", ["below", "file"])
@pytest.mark.parametrize("way", [in_folders, by_names])
def test_what_is_exchanged_for_a_link_right_before_it_is_opened_is_not_followed(
    name, way, outside, tmp_path, monkeypatch
):
    path = tmp_path / "in" / "below" / "file"
    at = path if name == "file" else path.parent
    look, opened = os.stat, os.open
    exchanged = []

    def exchange(what):
        if os.fspath(what).endswith(name) and not exchanged:
            at.rename(tmp_path / "put-away")
            at.symlink_to(outside / "file" if name == "file" else outside)
            exchanged.append(what)

    def look_and_exchange(what, **how):
        seen = look(what, **how)
        exchange(what)
        return seen

    def exchange_and_open(what, *flags, **how):
        exchange(what)
        return opened(what, *flags, **how)

    monkeypatch.setattr(os, "stat", look_and_exchange)
    monkeypatch.setattr(os, "open", exchange_and_open)
    with pytest.raises((RecordingError, OSError)):
        way(tmp_path / "in", "below", "file")
    assert exchanged
    monkeypatch.undo()
    assert path.read_bytes() == SECRET  # whoever follows the link would have read it


@pytest.mark.parametrize("way", [in_folders, by_names])
@pytest.mark.parametrize("name", ["file", "below/file"])
def test_a_file_of_the_folder_is_opened(way, name, tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / name).write_bytes(b"mine")
    assert way(tmp_path, *name.split("/")) == b"mine"


def test_a_file_is_made_and_added_to(tmp_path):
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    for _ in range(2):
        os.close(opened_by_names(tmp_path, ("one",), tmp_path / "one", flags))
        with append_inside(tmp_path / "two") as file:
            file.write(b"line")
    assert ((tmp_path / "one").read_bytes(), (tmp_path / "two").read_bytes()) == (b"", b"lineline")


def test_a_file_that_is_larger_than_allowed_is_not_read(tmp_path):
    (tmp_path / "file").write_bytes(b"12345")
    assert read_inside(tmp_path / "file", 5, hint="") == b"12345"
    with pytest.raises(RecordingError, match=r"file\.too-large"):
        read_inside(tmp_path / "file", 4, hint="")


def test_what_is_strange_in_a_folder_is_named(outside, tmp_path):
    link_to_a_folder(tmp_path / "in", outside)
    os.mkfifo(tmp_path / "in" / "below" / "pipe")
    said = {"x (a symbolic link)", "below/pipe (neither file nor folder)"}
    assert set(strange_in(tmp_path / "in")) == said
    assert set(strange_in(outside)) == set()


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("case", CASES)
def test_where_folders_are_kept_the_same_is_refused(case, outside, tmp_path):
    inside = tmp_path / "in"
    path, code = case(inside, outside)
    with within(inside), folders_kept():
        assert content(inside / "below" / "file") == b"mine"
        with pytest.raises(RecordingError, match=code):
            content(path)


def test_a_kept_folder_is_the_one_that_was_opened_whatever_takes_its_name(outside, tmp_path):
    before, inside = descriptors(), tmp_path / "in"
    with within(inside), folders_kept():
        assert content(inside / "below" / "file") == b"mine"
        (inside / "below").rename(inside / "other")
        (inside / "below").symlink_to(outside)
        assert content(inside / "below" / "file") == b"mine"
        assert descriptors() == before + 1
    with within(inside), pytest.raises(RecordingError, match=r"file\.link"):
        content(inside / "below" / "file")
    assert descriptors() == before


def test_no_more_folders_are_kept_than_a_process_may_have_open(tmp_path):
    before = descriptors()
    for number in range(100):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "file").write_bytes(b"%d" % number)
    with within(tmp_path), folders_kept():
        for number in [*range(100), *range(100)]:
            assert content(tmp_path / str(number) / "file") == b"%d" % number
        assert before < descriptors() <= before + 32
    assert descriptors() == before
