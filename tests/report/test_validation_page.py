"""The page of a validation: one file, harmless whatever the files are called and say."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from energy.findings import REGISTER, Finding
from energy.recording.trace import ArrayTrace
from energy.report.excerpt import excerpts
from energy.report.pages.validation import write_validation
from energy.report.trace_svg import Span, trace_svg
from energy.report.validation_rows import rows_of, summary_line, table_of
from energy.signal import SampleKind, Signal
from energy.validation.report import (
    FigureCheck,
    FolderReport,
    RunReport,
    SubmissionReport,
    ValidationReport,
    WindowReport,
)

EVIL = '<script>alert("1")</script>&"\'\x1b[31m\udc80{{ 7*7 }}'


def make_run(root: Path, name: str = "kws") -> RunReport:
    """An energy run of 1 µJ samples at 1 kHz: 1 mW, from the format's description (protocols.md 3.6)."""
    folder = root / name / "energy"
    folder.mkdir(parents=True)
    trace = folder / "trace1-energy.bin"
    trace.write_bytes(struct.pack("<Bf3000f", 0xF1, 1000.0, *([1.0] * 3000)))
    (folder / "trace1-timestamps.json").write_text("[0.5, 1.0, 2.0]")
    (folder / "log.txt").write_text("one\ntwo\n<b>three</b>\nfour\nfive\n")
    (folder / "results.txt").write_text("Energy : 1234.567 uJ\nPower : 1 uW\n")
    return RunReport(
        "energy",
        f"{name}/energy",
        "eembc",
        trace,
        [0.5, 1.0, 2.0],
        "LPM01A",
        3.0,
        70.2,
        windows=[WindowReport(1, 1.0, 2.0, 1.0, 10, 1e-3, 1e-3, 1.1, 1.9)],
        figures=[FigureCheck("median energy", None, "µJ/inf", "1234.567", "100.000", "trace", False)],
        findings=[Finding("result.differs", "results print 1234.567 µJ, the trace gives 100.000 µJ", 1)],
    )


def make_report(root: Path, names: list[str]) -> ValidationReport:
    folders = [
        FolderReport(
            f"v9/closed/{name}/b/kws", "v9", "closed", name, name, "kws", None, f"kws{number}",
            [make_run(root, f"kws{number}")],
            [Finding("tree.crlf", f"10 lines of {name}", path=name)],
        )
        for number, name in enumerate(names)
    ]  # fmt: skip
    submission = SubmissionReport(
        "v9/closed/x",
        "v9",
        "closed",
        "x",
        "closed/x",
        folders,
        [Finding("system.status", EVIL, path=EVIL)],
        root,
    )
    return ValidationReport([root], None, [submission])


def page_of(report: ValidationReport, path: Path, **options: object) -> tuple[str, ElementTree.Element]:
    """The text of the page and its elements; scripts of the page itself are left out of both."""
    text = write_validation(report, path / "out" / "page.html", **options).read_text(encoding="utf-8")
    assert text.lstrip().startswith("<!DOCTYPE html>")
    text = re.sub(r"<script>.*?</script>\n", "", text, flags=re.DOTALL)
    return text, elements(text)


class _Builder(HTMLParser):
    """Builds a tree of elements; every element of the page but the void ones is closed where it should be."""

    VOID = ("meta", "input", "br", "link", "img")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = ElementTree.Element("root")
        self.open = [self.root]
        self.last: ElementTree.Element | None = None

    def handle_starttag(self, tag, attrs):
        element = ElementTree.SubElement(self.open[-1], tag, {name: value or "" for name, value in attrs})
        self.last = element if tag in self.VOID else None
        if tag not in self.VOID:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.last = ElementTree.SubElement(self.open[-1], tag, {n: value or "" for n, value in attrs})

    def handle_endtag(self, tag):
        closed = self.open.pop()
        assert closed.tag == tag
        self.last = closed

    def handle_data(self, data):
        if self.last is not None:
            self.last.tail = (self.last.tail or "") + data
        else:
            self.open[-1].text = (self.open[-1].text or "") + data


def elements(text: str) -> ElementTree.Element:
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert builder.open == [builder.root]
    return builder.root


def rows_in(page: ElementTree.Element) -> list[list[str]]:
    table = page.find(".//table[@id='benchmarks']")
    return [["".join(cell.itertext()).strip() for cell in row] for row in table.findall("./tbody/tr")]


def benchmarks_in(page: ElementTree.Element) -> list[ElementTree.Element]:
    return [part for part in page.iter("details") if part.get("id", "").startswith("benchmark-")]


def test_the_page_has_a_row_and_a_part_for_each_folder(tmp_path):
    _, page = page_of(make_report(tmp_path, ["acme", "bolt", "cog"]), tmp_path)
    assert [row[2] for row in rows_in(page)] == ["acme", "bolt", "cog"]
    parts = benchmarks_in(page)
    assert len(parts) == 3
    links = [a.get("href") for a in page.find(".//table[@id='benchmarks']").iter("a")]
    assert links == [f"#{part.get('id')}" for part in parts]


def test_figures_stand_beside_what_is_printed_and_a_difference_is_marked(tmp_path):
    _, page = page_of(make_report(tmp_path, ["acme"]), tmp_path)
    assert rows_in(page)[0][6:8] == ["100.000", "1234.567"]
    (cell,) = page.findall(".//table[@id='benchmarks']/tbody/tr/td[7]")
    assert cell.find("./span").get("class") == "tag error"
    assert float(cell.get("data-v")) == pytest.approx(100e-6)
    (recomputed,) = page.findall(".//table[@id='figures-benchmark-0-energy']/tbody/tr/td[4]/span")
    assert (recomputed.get("class"), recomputed.text) == ("tag error", "100.000")


def test_what_must_be_acted_on_comes_first_by_severity_with_count_hint_and_links(tmp_path):
    report = make_report(tmp_path, ["acme", "bolt"])
    warning = Finding("edge.bounce", "3 edges before the first window")
    report.submissions[0].folders[0].runs[0].findings += [warning] * 7
    _, page = page_of(report, tmp_path)
    section = page.find(".//main/section")
    assert section.get("id") == "act"
    groups = section.findall(".//li[@id]")
    severities = [group.find("./p/span").text for group in groups]
    assert severities == sorted(severities)  # error, then warning
    by_code = {group.get("id"): group for group in groups}
    differs = by_code["result.differs"]
    assert "2 times" in "".join(differs.find("./p").itertext())
    assert REGISTER["result.differs"].remedy in "".join(differs.itertext())
    assert [a.get("href") for a in differs.iter("a")] == ["#benchmark-0", "#benchmark-1"]
    bounces = by_code["edge.bounce"]
    assert "7 times in 1 run" in "".join(bounces.find("./p").itertext())
    assert len(bounces.findall("./ul/li")) == 5
    assert bounces.find("./details/summary").text == "2 more"


def test_ranks_are_by_recomputed_energy_and_name_a_printed_rank_that_differs(tmp_path):
    report = make_report(tmp_path, ["acme", "bolt", "cog"])
    energies = [("5.0", "5.0"), ("3.0", "9.0"), ("3.0", "3.0")]  # recomputed, printed
    for folder, (ours, printed) in zip(report.submissions[0].folders, energies, strict=True):
        (figure,) = folder.runs[0].figures
        folder.runs[0].figures = [replace(figure, recomputed=ours, printed=printed, agrees=ours == printed)]
    _, page = page_of(report, tmp_path)
    assert [row[8] for row in rows_in(page)] == ["3 of 3 (printed 2)", "1 of 3 (printed 3)", "1 of 3"]


def test_each_run_lists_its_files_with_their_hashes(tmp_path):
    _, page = page_of(make_report(tmp_path, ["acme"]), tmp_path)
    rows = page.findall(".//table[@id='files-benchmark-0-energy']/tbody/tr")
    listed = {row[0].text: row[2].text for row in rows}
    folder = tmp_path / "kws0/energy"
    expected = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert listed == expected


def test_names_evidence_and_logs_cannot_become_markup(tmp_path):
    report = make_report(tmp_path, [EVIL])
    evil = Finding("log.dut-error", "in line 3", path="kws0/energy/log.txt")
    report.submissions[0].folders[0].runs[0].findings.append(evil)
    text, page = page_of(report, tmp_path, show_all=True)
    assert {script.get("type") for script in page.iter("script")} == {"application/json"}
    assert not [b for b in page.iter("b") if b.text == "three"]
    assert "<script>" not in text
    assert "\x1b" not in text
    assert "{{ 7*7 }}" in text
    assert '<script>alert("1")</script>' in "".join(page.itertext())
    assert "<b>three</b>" in "".join(page.itertext())


def test_the_page_loads_nothing_from_anywhere(tmp_path):
    text, page = page_of(make_report(tmp_path, ["acme"]), tmp_path)
    addresses = [value for one in page.iter() for name, value in one.items() if name in ("href", "src")]
    assert addresses
    assert all(address.startswith("#") for address in addresses)
    assert not re.search(r"https?://|url\(|@import", text)


def test_the_trace_is_drawn_whole_and_once_more_around_a_window_that_something_is_wrong_with(tmp_path):
    _, page = page_of(make_report(tmp_path, ["acme"]), tmp_path)
    pictures = page.findall(".//svg")
    assert len(pictures) == 2
    assert all(picture.findall("./rect[@class='window flawed']") for picture in pictures)
    assert [len(picture.findall("./path[@class='edge']")) for picture in pictures] == [3, 2]


def test_a_finding_shows_the_lines_that_it_names_or_that_hold_its_numbers(tmp_path):
    run = make_run(tmp_path)
    (by_number,) = excerpts(Finding("log.dut-error", "1 times, first in line 3", path="kws/energy/log.txt"),
                            tmp_path, run.path)  # fmt: skip
    assert [(line.number, line.text, line.proves) for line in by_number.lines] == [
        (2, "two", False),
        (3, "<b>three</b>", True),
        (4, "four", False),
    ]
    (by_value,) = excerpts(run.findings[0], tmp_path, run.path)
    assert by_value.path == "kws/energy/results.txt"
    assert [line.number for line in by_value.lines if line.proves] == [1]
    assert excerpts(Finding("log.dut-error", "nothing to look for"), tmp_path, run.path) == []


def test_lines_are_those_of_the_submission_even_if_another_has_files_of_the_same_name(tmp_path):
    first, second = (make_report(tmp_path / name, ["acme"]) for name in ("a", "b"))
    results = tmp_path / "b/kws0/energy/results.txt"
    results.write_text(results.read_text().replace("Energy", "Zweite Energie"))
    both = ValidationReport([tmp_path / "a", tmp_path / "b"], None, first.submissions + second.submissions)
    text, _ = page_of(both, tmp_path)
    assert text.count("Zweite Energie : 1234.567") == 1
    assert text.count("Energy : 1234.567") == 1


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "kws/energy/link.txt", "kws/\0.txt", "kws"])
def test_no_file_outside_of_what_was_validated_is_opened(tmp_path, name):
    root = tmp_path / "root"
    make_run(root)
    (tmp_path / "secret.txt").write_text("secret\n")
    (root / "kws/energy/link.txt").symlink_to(tmp_path / "secret.txt")
    found = excerpts(Finding("log.dut-error", "in line 1", path=name), root, "kws/nowhere")
    assert found == []


def trace_of(values: list[float]) -> ArrayTrace:
    signal = Signal(SampleKind.ENERGY, 1000.0, dtype="float64", energy_unit="J")
    return ArrayTrace(signal, (np.array(values),))


def test_a_drawing_breaks_where_samples_are_not_finite_and_is_left_out_where_none_is():
    values = [1e-6] * 400 + [float("nan")] * 400 + [2e-6] * 400
    drawn = ElementTree.fromstring(trace_svg(trace_of(values), [Span(1, 0.1, 0.3)], [0.1, 0.3]) or "")
    assert len(drawn.findall("./path[@class='mean']")) == 2
    assert trace_svg(trace_of([float("nan"), float("inf")]), [], []) is None


@pytest.mark.parametrize("values", [[0.0] * 50, [-1e-6] * 50, [1e-30, 1e300] * 10, [5e-6]])
def test_a_drawing_stays_in_its_frame_whatever_the_samples(values):
    drawn = ElementTree.fromstring(trace_svg(trace_of(values), [Span(1, -5.0, 900.0)], [0.0]) or "")
    numbers = [float(text) for path in drawn.iter("path") for text in re.findall(r"-?\d+\.\d", path.get("d"))]
    assert numbers
    assert all(0 <= number <= 960 for number in numbers)


def test_rows_name_the_gravest_first_and_rounds_only_where_there_are_two(tmp_path):
    report = make_report(tmp_path, ["acme", "bolt"])
    rows = rows_of(report)
    assert [row.worst for row in rows] == ["error", "error"]
    assert rows[0].codes == ("result.differs",)
    assert "round" not in table_of(rows).columns
    report.submissions[0].folders[1].round = "v8"
    assert table_of(rows_of(report)).columns[0] == "round"
    assert summary_line(report).startswith(
        "2 benchmarks: 2 with errors, 0 with warnings, 0 with neither; 0 of 2 "
    )


def test_accuracy_is_top_1_or_auc_or_counts_as_the_benchmark_has_it(tmp_path):
    def row_of(benchmark: str, *figures: tuple[str, str]) -> str:
        run = RunReport("accuracy", "a", "mlcommons")
        run.figures = [FigureCheck(name, None, "", text, text, "log", True) for name, text in figures]
        folder = FolderReport("n", "v9", "closed", "o", "s", benchmark, None, "p", [run])
        return rows_of(
            ValidationReport([], None, [SubmissionReport("n", "v9", "closed", "o", "p", [folder])])
        )[0].accuracy

    assert row_of("kws", ("top-1", "90.2"), ("AUC", "0.99")) == "90.2 %"
    assert row_of("ad", ("top-1", "90.2"), ("AUC", "0.86")) == "AUC 0.86"
    counts = [("true positives", "44"), ("false negatives", "6"), ("false positives", "4")]
    assert row_of("sww", *counts) == "44 TP 6 FN 4 FP"


def test_what_the_report_holds_survives_json(tmp_path):
    document = json.loads(json.dumps(make_report(tmp_path, ["acme"]).to_json(), allow_nan=False))
    assert document["submissions"][0]["benchmarks"][0]["runs"][0]["figures"][0]["agrees"] is False


def test_what_comes_from_the_virtual_bench_says_so_wherever_it_is_named(tmp_path):
    report = make_report(tmp_path, ["acme", "bolt"])
    report.submissions[0].folders[1].runs[0].virtual = True
    _, page = page_of(report, tmp_path)
    marks = [
        ["VIRTUAL" in "".join(one.itertext()) for one in page.findall(where)]
        for where in (
            ".//table[@id='benchmarks']/tbody/tr",
            ".//section[@id='each']/details/summary",
            ".//section[@id='each']//h3",
        )
    ]
    assert marks == [[False, True]] * 3
    assert [row.cells()[1] for row in rows_of(report)] == ["acme", "VIRTUAL bolt"]
