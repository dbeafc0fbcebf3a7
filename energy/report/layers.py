"""Layers of a network as a table: energy, time, energy per multiply-accumulate."""

from __future__ import annotations

from energy.characterize.layer_figures import Attribution, LayerFigures
from energy.report.table import NOT_KNOWN, Table
from energy.report.units import significant
from energy.uncertainty.rounding import figure_text, two_digits


def layers_table(figures: Attribution) -> Table:
    """A table with a row per layer; sum and whole network in the footer.

    Energies stand with their expanded uncertainty (95 %). Where sum and whole differ, there are no shares.
    """
    table = Table(
        title="Layers, each alone",
        columns=["layer", "MACs", "bytes", "time ms", "µJ ± U", "share", "pJ/MAC"],
        text=(0,),
        parts=([0, 3, 4, 5], [0, 1, 2, 6]),
    )
    for row in figures.layers:
        share = figures.share(row)
        table.rows.append(
            [
                layer_name(row),
                str(row.layer.macs) if row.layer else NOT_KNOWN,
                str(row.layer.parameter_bytes) if row.layer else NOT_KNOWN,
                significant(row.time_s * 1e3, 5),
                figure_text(row.energy_j * 1e6, row.u_energy_j * 1e6, ""),
                NOT_KNOWN if share is None else f"{share * 100:.2f} %",
                NOT_KNOWN if row.joule_per_mac is None else significant(row.joule_per_mac * 1e12, 5),
            ]
        )
    macs = sum(row.layer.macs for row in figures.layers if row.layer)
    size = sum(row.layer.parameter_bytes for row in figures.layers if row.layer)
    time_s = sum(row.time_s for row in figures.layers)
    for name, energy_j, u_j, seconds in (
        ("sum", figures.sum_j, figures.u_sum_j, time_s),
        ("whole network", figures.whole.energy_j, figures.whole.u_energy_j, figures.whole.time_s),
    ):
        table.footer.append(
            [
                name,
                str(macs),
                str(size),
                significant(seconds * 1e3, 5),
                figure_text(energy_j * 1e6, u_j * 1e6, ""),
                "100 %" if name == "sum" and figures.agrees else "",
                significant(energy_j / macs * 1e12, 5) if macs else NOT_KNOWN,
            ]
        )
    return table


def attribution_line(figures: Attribution) -> str:
    """Whether the layers make up the whole network, in a line."""
    whole_j = figures.whole.energy_j
    part = f" ({figures.difference_j / whole_j:+.2%})" if whole_j else ""
    difference = figure_text(figures.difference_j * 1e6, figures.u_difference_j * 1e6, "")
    verdict = "within" if figures.agrees else "beyond"
    return (
        f"sum minus whole: {difference} µJ{part}, {verdict} the uncertainty of "
        f"{two_digits(figures.allowed_j * 1e6)[0]:f} µJ"
        + ("" if figures.agrees else ": energy is not attributed to layers")
    )


def layer_name(row: LayerFigures) -> str:
    """A layer's number and operator, or ``whole network``."""
    return "whole network" if row.layer is None else f"{row.layer.index} {row.layer.operator}"
