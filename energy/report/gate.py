"""The decision of ``joulebench check`` for people and for CI: table, lines, JUnit XML, Markdown."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from energy.printable import printable, printable_lines
from energy.report.table import NOT_KNOWN, Table
from energy.uncertainty.checking import Checked
from energy.uncertainty.gate import Requirement

_MARKS = {"pass": "✅ pass", "fail": "❌ fail", "undecided": "❔ undecided"}
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~#@])")


def gate_table(checked: Checked) -> Table:
    """A row a requirement: the figure and the decision."""
    table = Table(
        "VIRTUAL check" if checked.virtual else "Check",
        ["requirement", "figure", "decision", "why"],
        text=(0, 2, 3),
    )
    for requirement in checked.requirements:
        table.rows.append(
            [requirement.name, requirement.text or NOT_KNOWN, requirement.decision, requirement.why]
        )
    return table


def gate_lines(checked: Checked) -> list[str]:
    """Errors of the sessions, reasons and advice, a line each; the decision last."""
    lines = [f"{name} has the error {code}: {evidence}" for name, code, evidence in checked.errors]
    for requirement in checked.requirements:
        lines += [reason.remedy for reason in requirement.reasons]
        lines += requirement.advice
    why = " (a session has errors)" if checked.invalid else ""
    return [*dict.fromkeys(lines), f"scope: {checked.scope}", f"decision: {checked.decision}{why}"]


def junit_xml(checked: Checked) -> str:
    """JUnit XML: a test case a requirement.

    A broken requirement is a failure, an undecided one is skipped with its reason. Where a session has
    errors, every case is an error. The form is that of Jenkins' JUnit plugin, which others read, too.
    """
    cases = checked.requirements
    counts = {
        "tests": len(cases),
        "failures": 0 if checked.invalid else sum(case.decision == "fail" for case in cases),
        "errors": len(cases) if checked.invalid else 0,
        "skipped": 0 if checked.invalid else sum(case.decision == "undecided" for case in cases),
    }
    numbers = {name: str(count) for name, count in counts.items()}
    suites = ElementTree.Element("testsuites", {"name": "joulebench check", **numbers})
    suite = ElementTree.SubElement(
        suites, "testsuite", {"name": printable_lines(checked.result.name), **numbers}
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (("virtual", str(checked.virtual).lower()), ("scope", checked.scope)):
        ElementTree.SubElement(properties, "property", {"name": name, "value": printable_lines(value)})
    for case in cases:
        element = ElementTree.SubElement(
            suite, "testcase", {"classname": "joulebench.check", "name": printable_lines(case.name)}
        )
        _outcome(element, case, checked)
        ElementTree.SubElement(element, "system-out").text = printable_lines(_text(case))
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suites, "unicode") + "\n"


def _outcome(element: ElementTree.Element, case: Requirement, checked: Checked) -> None:
    if checked.invalid:
        errors = "; ".join(f"{name}: {code}: {evidence}" for name, code, evidence in checked.errors)
        ElementTree.SubElement(
            element, "error", {"type": "invalid session", "message": printable_lines(errors)}
        )
    elif case.decision == "fail":
        ElementTree.SubElement(element, "failure", {"type": "limit", "message": printable_lines(_text(case))})
    elif case.decision == "undecided":
        ElementTree.SubElement(element, "skipped", {"message": printable_lines(f"undecided: {_text(case)}")})


def _text(case: Requirement) -> str:
    return "; ".join(part for part in (case.text, case.why, *case.advice) if part)


def markdown(checked: Checked) -> str:
    """A GitHub-flavoured Markdown summary for a pull request."""
    decision = _MARKS[checked.decision]
    virtual = "VIRTUAL, not measured on hardware: " if checked.virtual else ""
    lines = [
        f"### Energy: {decision}",
        "",
        f"{virtual}{_markdown(checked.result.name)}"
        + (f" against {_markdown(checked.baseline.name)}" if checked.baseline else ""),
        "",
        "| requirement | figure | decision | why |",
        "|---|---|---|---|",
    ]
    for case in checked.requirements:
        mark = "⚠️ not decided" if checked.invalid else _MARKS[case.decision]
        cells = [_markdown(case.name), _markdown(case.text or NOT_KNOWN), mark, _markdown(case.why)]
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    lines += [f"- {_markdown(line)}" for line in gate_lines(checked)[:-1]]
    return "\n".join(lines) + "\n"


def _markdown(text: str) -> str:
    """Text from elsewhere as text: no markup, no mention of anybody, no line break."""
    return _MARKDOWN.sub(r"\\\1", printable(text.replace("\n", " ")))
