"""The result of a check with known loads as text."""

from __future__ import annotations

from energy.calibration.check import Calcheck
from energy.calibration.evaluate import Point
from energy.evidence.calibration import CalibrationLine
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import engineering, prefixed, scale_for, significant


def calcheck_table(result: Calcheck) -> Table:
    """A table with a row per load: reading, reference, their difference, and the specification's limit."""
    points = result.evaluation.points
    columns = ["load", "range", "reference", "reading", "off by", "± 95 %", "of limit", "within", "corrected"]
    rows = [_row(point) for point in points]
    table = Table("Loads", columns, rows, text=(1, 7))
    known = [column for column in range(len(columns)) if any(row[column] != NOT_KNOWN for row in rows)]
    shown = table.select(known)
    shown.parts = ([0, *range(1, len(known) // 2 + 1)], [0, *range(len(known) // 2 + 1, len(known))])
    shown.notes = [f"voltage: {result.voltage.source}", *result.evaluation.remarks]
    return shown


def _row(point: Point) -> list[str]:
    reading, times = point.reading, point.of_specification
    return [
        reading.load.text,
        reading.range or NOT_KNOWN,
        engineering(point.reference_a, "A"),
        engineering(reading.mean_a, "A"),
        _percent(point.deviation_a, point.reference_a),
        _percent(point.expanded_a, point.reference_a).lstrip("+"),
        NOT_KNOWN if times is None else f"{times:+z.2f} x",
        NOT_KNOWN if point.verdict is None else _WORDS[point.verdict],
        _percent(point.left_a, point.reference_a),
    ]


_WORDS = {"within": "yes", "outside": "no", "undecided": "cannot be told"}


def correction_line(line: CalibrationLine) -> str:
    """A certificate's line in words."""
    on = f"range {line.range}: " if line.range else ""
    freedom = "" if line.degrees_of_freedom is None else f", {line.degrees_of_freedom:g} degrees of freedom"
    gain = f"{line.gain_correction * 100:+.4f} % ± {significant(line.gain_uncertainty * 100, 2)} %"
    offset = _offset(line.offset_correction, line.offset_uncertainty)
    return f"{on}readings are corrected by {gain}{offset} (k = {line.k:.3g}{freedom})"


def _offset(correction_a: float, uncertainty_a: float) -> str:
    """Both in the same unit."""
    largest = max(abs(correction_a), uncertainty_a)
    if not largest:
        return ""
    power = scale_for(largest)
    uncertainty = significant(uncertainty_a * 10.0**-power, 2)
    digits = len(uncertainty.partition(".")[2])
    return f" and {correction_a * 10.0**-power:+.{digits}f} ± {uncertainty} {prefixed(power, 'A')}"


def _percent(value: float, of: float) -> str:
    return f"{value / of * 100:+z.3f} %"
