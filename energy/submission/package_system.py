"""``systems/<system>.json`` of a submission: facts from the sessions, completed by a form.

Fields: those of the descriptions published in round v1.3, in their order. The official checker asks for
``Status`` only (mlperf-tiny.md 2); mandatory here is what all 15 of those descriptions fill in.
"""

from __future__ import annotations

from pathlib import Path

from energy.errors import RecordingError, UsageError
from energy.recording.inside import read_toml
from energy.submission.system_file import STATUSES

FIELDS = (
    "Submitter",
    "Division",
    "Status",
    "Board Name",
    "Board Memory capacity (not including SoC, processor, or accelerator)",
    "Board Memory type",
    "Board storage capacity",
    "Board storage type",
    "SoC Name",
    "SoC Memory capacity (not including processor or accelerator)",
    "SoC Memory type",
    "SoC storage capacity",
    "SoC storage type",
    "Processor(s) Name",
    "Processor(s) Frequencies",
    "Processor memory type and capacity",
    "Processor storage type and capacity",
    "Accelerator",
    "Accelerator(s) Frequencies",
    "Accelerator memory type and capacity",
    "Accelerator storage type and capacity",
    "Hardware Notes",
    "Inference Framework",
    "Software Libraries",
    "Operating System ",
    "Other Software Stack",
    "Software Notes",
    "Quantization Method",
    "Training framework (open division)",
    "ML Model Compiler(s)",
    "General Compiler(s)",
    "Other Software",
    "Training and Quantization Notes",
)
"""``Operating System`` has a space at its end in the template that nearly all submitters use."""
MANDATORY = (
    "Submitter",
    "Division",
    "Status",
    "Board Name",
    "Processor(s) Name",
    "Software Libraries",
    "Operating System ",
    "Quantization Method",
)
_HINT = "Write a form with --form-template FILE, fill it in, and give it with --form."


def read_form(path: Path) -> dict[str, str]:
    """Reads a form: TOML in which each key is a field and each value a text.

    Raises:
        UsageError: ``form.unreadable``, ``form.invalid``.
    """
    try:
        document = read_toml(path, hint=_HINT)
    except (RecordingError, ValueError) as error:
        raise UsageError("form.unreadable", f"{path} cannot be read as TOML: {error}", _HINT) from error
    known = {field.strip().casefold(): field for field in FIELDS}
    form: dict[str, str] = {}
    for key, value in document.items():
        field = known.get(key.strip().casefold())
        if field is None or not isinstance(value, str):
            what = "is not a field of a system's description" if field is None else "must be a text"
            raise UsageError("form.invalid", f"{path}: {key!r} {what}", _HINT)
        form[field] = value.strip()
    return form


def describe(known: dict[str, str], form: dict[str, str]) -> dict[str, str]:
    """The description: the form's fields, then known facts; all other fields are empty.

    Raises:
        UsageError: ``form.incomplete``, naming every mandatory field that is missing; ``form.status``,
            ``form.division``.
    """
    division = form.get("Division", "")
    if division and division.casefold() != known["Division"].casefold():
        raise UsageError(
            "form.division",
            f"the form's Division is {division!r}, the tree's {known['Division']!r}",
            "Correct the form, or --division.",
        )
    fields = dict.fromkeys(FIELDS, "") | known | {name: text for name, text in form.items() if text}
    missing = [repr(name.strip()) for name in MANDATORY if not fields[name]]
    if missing:
        raise UsageError("form.incomplete", f"the system's description lacks {', '.join(missing)}", _HINT)
    if fields["Status"].casefold() not in STATUSES:
        raise UsageError(
            "form.status",
            f"Status is {fields['Status']!r}; it is one of {', '.join(STATUSES)}",
            "Correct it in the form.",
        )
    return fields


def template(known: dict[str, str]) -> str:
    """A form to fill in; known fields are filled in already."""
    lines = [
        "# Description of a system for MLPerf Tiny: fill in the empty fields, then",
        "# joulebench package ... --form THIS_FILE",
        f"# Status is one of {', '.join(STATUSES)}. Marked fields must not be empty.",
        "",
    ]
    for name in FIELDS:
        text = known.get(name, "").replace("\\", "\\\\").replace('"', '\\"')
        mark = "  # must be filled in" if name in MANDATORY and not text else ""
        lines.append(f'"{name.strip()}" = "{text}"{mark}')
    return "\n".join(lines) + "\n"
