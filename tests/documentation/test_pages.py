"""Every page does what it shows: its commands and its Python are run in order, its output is compared."""

from __future__ import annotations

import argparse
import re
import shlex
import shutil

import pytest

from energy.cli import main
from tests.conftest import ROOT, shared_folder
from tests.documentation.pages import (
    Block,
    Reader,
    blocks_of,
    expected_status,
    first_difference,
    pages,
    pattern_of,
)
from tests.firmware.support import needs

RUN = ("console", "python")
LANGUAGES = {*RUN, "sh", "text", "toml", "yaml", "json", "make", "c", "ld", "{include}"}
BLOCKS = {path.relative_to(ROOT).as_posix(): blocks_of(path.read_text(encoding="utf-8")) for path in pages()}


def is_run(block: Block) -> bool:
    return block.kind in RUN and not {"not run", "file"} & set(block.notes)


@pytest.mark.parametrize("page", [name for name, blocks in BLOCKS.items() if any(map(is_run, blocks))])
def test_a_page_does_what_it_shows(page, tmp_path):
    needs(*{name for block in BLOCKS[page] for name in block.notes.get("needs", "").split()})
    reader = Reader(tmp_path)
    for block in BLOCKS[page]:
        if "published" in block.notes:
            source, _, target = block.notes["published"].partition(" as ")
            shutil.copytree(shared_folder("published") / source, reader.folder / target)
        if "file" in block.notes:
            (reader.folder / block.notes["file"]).write_text(block.body, encoding="utf-8")
        elif "not run" in block.notes:
            continue
        elif block.kind == "python":
            reader.python(block.body, page)
        elif block.kind == "console":
            for command, shown in block.commands:
                follow(reader, command, shown, f"{page}, line {block.line}")


def follow(reader: Reader, command: str, shown: str, where: str) -> None:
    status, printed = reader.types(command)
    assert status == expected_status(command), f"{where}: {command}\n{printed}"
    if shown.strip():
        fits = pattern_of(shown).fullmatch(printed)
        assert fits, f"{where}: {command}\n{first_difference(shown, printed)}; it printed:\n{printed}"


def commands_not_run() -> list[tuple[str, str]]:
    """The program's commands in blocks that are not run."""
    found = []
    for page, blocks in BLOCKS.items():
        for block in blocks:
            if block.kind in ("sh", "yaml") or (block.kind == "console" and not is_run(block)):
                body = block.body.replace("\\\n", " ")
                found += [
                    (page, line) for line in re.findall(r"^[$ -]*(?:run: )?(joulebench .*)$", body, re.M)
                ]
    return found


@pytest.mark.parametrize(("page", "line"), commands_not_run())
def test_a_command_that_is_not_run_is_taken_by_the_program(page, line):
    words = shlex.split(re.sub(r"[|>].*|\.\.\.|<\(.*?\)", "", line), comments=True)[1:]
    words = main._complete(words)
    parser = main._parser(words)
    try:
        options = parser.parse_args(words)
    except SystemExit as refused:  # argparse has printed why
        pytest.fail(f"{page}: {line}: {refused}")
    assert isinstance(options, argparse.Namespace)


def test_every_block_of_a_page_has_a_language_that_says_whether_it_is_run():
    wrong = [
        f"{page}, line {block.line}: {block.kind or 'no language'}"
        for page, blocks in BLOCKS.items()
        for block in blocks
        if block.kind not in LANGUAGES
    ]
    assert not wrong


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\n...\nd\n", "a\nb\nc\nd\n", True),
        ("a\n...\nd\n", "a\nd\n", True),
        ("a\n...\n", "a\nb\nc\n", True),
        ("in ...-kws01\n", "in 2026-kws01\n", True),
        ("in ...-kws01\n", "in 2026-ad01\n", False),
        ("a\nb\n", "a\nc\n", False),
        ("a\n", "a\nb\n", False),
        ("a\nb\n", "a\n", False),
        ("1.5 (x)\n", "1x5 (x)\n", False),
    ],
)
def test_what_a_page_shows_must_be_what_is_printed(shown, printed, fits):
    assert bool(pattern_of(shown).fullmatch(printed)) is fits


def test_a_reader_sees_the_exit_status_and_the_terminal(tmp_path):
    reader = Reader(tmp_path)
    assert reader.types("echo a; exit 3") == (3, "a\n")
    assert reader.types("test -t 1 && stty size") == (0, "50 100\n")
    assert reader.types("joulebench --version")[0] == 0
    status, printed = reader.types("joulebench measure --bench nowhere.toml")
    assert (status, "[bench.missing]" in printed) == (2, True)


def test_a_wrong_output_a_wrong_status_and_a_wrong_option_are_found(tmp_path):
    (right, wrong) = blocks_of("# A\n\n```console\n$ echo a\na\n```\n\n```console\n$ echo a\nb\n```\n")
    reader = Reader(tmp_path)
    follow(reader, *right.commands[0], "A")
    with pytest.raises(AssertionError, match="the page begins with 'b'"):
        follow(reader, *wrong.commands[0], "A")
    with pytest.raises(AssertionError, match="false"):
        follow(reader, "false", "", "A")
    with pytest.raises(AssertionError, match="exit status 3"):
        follow(reader, "true  # exit status 3", "", "A")
