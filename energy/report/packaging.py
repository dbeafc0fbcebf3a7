"""A package with the pictures of its energy runs, validated before it is put in its place."""

from __future__ import annotations

from pathlib import Path

from energy.errors import UsageError
from energy.findings import Finding
from energy.report.figures.official import draw_energy_run
from energy.submission.package import Package, Request, known_of, package
from energy.submission.package_system import template
from energy.validation.run import validate


def make_package(request: Request) -> Package:
    """Checks sessions, draws, validates, and writes the tree unless there is a problem.

    Raises:
        UsageError: As ``energy.submission.package.package``.
    """
    return package(request, draw_energy_run, _findings_of)


def write_form(request: Request, path: Path) -> Path:
    """Writes a form for the system's description, filled in with what the sessions know, to be completed.

    Raises:
        UsageError: ``form.unwritable``, ``package.*``.
    """
    text = template(known_of(request))
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise UsageError("form.unwritable", f"{path}: {error}", "Name another file.") from error
    return path


def _findings_of(tree: Path) -> list[Finding]:
    """Everything that validation finds in a tree."""
    return validate([tree], workers=1).all_findings
