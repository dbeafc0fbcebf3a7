"""``joulebench plot`` and ``jb.plot``: the kinds of figures, from a shell and from Python."""

from __future__ import annotations

import subprocess
import sys

import pytest

import joulebench as jb
from energy.cli.figure_options import seconds
from energy.cli.main import main
from energy.cli.plot import KINDS, with_kind
from fixtures.make_recordings import FOLDER

DEMO = str(FOLDER)


@pytest.mark.parametrize(
    "words",
    [
        [DEMO],
        ["trace", DEMO, "--panel", "power,start"],
        [DEMO, "--zoom", "closing:2", "--around", "20ms"],
        [DEMO, "--zoom", "inference:3", "--window", "2"],
        [DEMO, "--from", "3.6", "--to", "3800ms"],
        ["histogram", DEMO],
        ["spectrum", DEMO, "--resolution", "1"],
        ["overlay", DEMO, DEMO, "--around", "50ms"],
    ],
    ids=" ".join,
)
def test_every_kind_is_written_at_a_papers_width(words, tmp_path, capsys):
    picture = tmp_path / "a.png"
    assert main(["plot", *words, "--width", "3.3in", "--out", str(picture)]) in (0, 1)
    content = picture.read_bytes()
    assert int.from_bytes(content[16:20], "big") == 990
    assert f"picture: {picture}" in capsys.readouterr().out


def test_the_first_word_is_a_kind_or_the_trace_is_drawn():
    assert with_kind(["latest-session"]) == ["trace", "latest-session"]
    assert with_kind(["--out", "x.png", "a"]) == ["trace", "--out", "x.png", "a"]
    for kind in KINDS:
        assert with_kind([kind, "a"]) == [kind, "a"]
    assert with_kind([]) == []
    assert with_kind(["--help"]) == ["--help"]


@pytest.mark.parametrize("words", [["plot", "--help"], ["help", "plot"]])
def test_help_lists_the_kinds(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    text = capsys.readouterr().out
    assert ended.value.code == 0
    assert all(kind in text for kind in KINDS)


def test_each_kind_has_help_and_a_mistake_names_its_options(capsys):
    for kind in KINDS:
        with pytest.raises(SystemExit):
            main(["help", "plot", kind])
        assert f"joulebench plot {kind}" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["plot", DEMO, "--zom", "edge:1", "--bad"])
    assert ended.value.code == 2
    assert "--zoom" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--width", "7"], "usage.width"),
        (["--panel", "amps"], "usage.panel"),
        (["--panel", "current"], "usage.panel"),
        (["--zoom", "edge:9"], "usage.window"),
        (["--zoom", "here"], "usage.zoom"),
        (["--from", "9", "--to", "8"], "usage.span"),
    ],
)
def test_what_cannot_be_drawn_is_an_error_with_a_hint(words, code, tmp_path, capsys):
    assert main(["plot", DEMO, *words, "--out", str(tmp_path / "a.png")]) == 2
    error = capsys.readouterr().err
    assert f"[{code}]" in error
    assert "hint: " in error
    assert not (tmp_path / "a.png").exists()


def test_times_have_units():
    assert [seconds(text) for text in ("0.5", "10ms", "20us", "3 s", "-1e-3", "5ns")] == pytest.approx(
        [0.5, 0.01, 2e-5, 3.0, -1e-3, 5e-9]
    )
    for text in ("", "ms", "nan", "inf", "1 h", "1e999"):
        with pytest.raises(Exception, match="is no time"):
            seconds(text)


def test_integrate_draws_what_is_asked_for(tmp_path, capsys):
    picture = tmp_path / "a.svg"
    words = ["--picture", str(picture), "--width", "84mm", "--panel", "scatter"]
    assert main(["integrate", DEMO, *words]) in (0, 1)
    text = picture.read_text("utf-8")
    assert "Scatter of energy per inference" in text
    assert "power (mW)" not in text
    capsys.readouterr()


def test_python_draws_the_same(tmp_path):
    figure = jb.plot(FOLDER, tmp_path / "a.png", width="3.3in", panels="power")
    assert main(["plot", DEMO, "--width", "3.3in", "--panel", "power", "--out", str(tmp_path / "b.png")]) == 0
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert len(figure.axes) == 1
    recording = jb.open(FOLDER)
    assert len(jb.plot([recording, jb.integrate(recording)], kind="overlay").axes) == 1
    assert jb.plot(FOLDER, kind="spectrum", start_s=5.0, stop_s=9.0).axes[0].get_xscale() == "log"
    assert "1200 inferences" in jb.plot(FOLDER, kind="histogram").get_suptitle()
    for wrong in ({"kind": "pie"}, {"kind": "trace", "source": [FOLDER, FOLDER]}, {"kind": "overlay"}):
        with pytest.raises(jb.JoulebenchError) as raised:
            jb.plot(**{"source": FOLDER, **wrong})
        assert raised.value.code in ("usage.plot", "usage.overlay")


def test_help_of_plot_imports_no_numpy():
    code = (
        "import sys\nfrom energy.cli.main import main\n"
        "try: main(['plot', 'trace', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'numpy', 'matplotlib', 'scipy'} & set(sys.modules), 'slow imports'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
