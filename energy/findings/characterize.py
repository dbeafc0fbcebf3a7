"""Findings of characterization: floors, layers, phases, scenarios."""

from __future__ import annotations

from energy.findings.rule import Rule, rule

CHARACTERIZE: dict[str, Rule] = {
    "floors.not-resolved": rule(
        "warning",
        "A floor is no larger than its uncertainty.",
        "What the DUT needs asleep, idle or to wake up cannot be told from nothing.",
        "Measure longer windows (--window), more wake-ups (--wake-ups) or more repeats, on a monitor with a "
        "smaller range.",
    ),
    "layers.not-resolved": rule(
        "warning",
        "A layer's energy is no larger than its uncertainty.",
        "What the layer needs cannot be told from nothing.",
        "Measure with longer windows (--window) or more repeats; a layer without weights may need little.",
    ),
    "layers.sum-apart": rule(
        "warning",
        "The sum over the layers differs from the whole network, within the uncertainty but not by chance.",
        "A layer that runs alone finds caches and memory in another state than in the network, so shares are "
        "off by about this much.",
        "Compare layers with each other; take the whole network's energy for totals.",
    ),
    "layers.sum-differs": rule(
        "error",
        "The sum over the layers is not the energy of the whole network within the uncertainty.",
        "Then a layer's energy is not its part of the network's, and no shares are stated.",
        "Look for what changes between the windows (clock, temperature, another program on the DUT), or for "
        "a cache that only a layer alone profits from; measure with longer windows and more repeats.",
    ),
    "phase.count": rule(
        "error",
        "Another number of inferences is marked than the DUT ran.",
        "Energy of a phase would be divided by the wrong number of inferences.",
        "Check the wire of the phase pin; where whole inferences are missing, the input samples too slowly.",
    ),
    "phase.mark-bounce": rule(
        "warning",
        "Edges of the phase pin follow each other faster than its marks.",
        "They count as one edge, or as none where the level is afterwards what it was before.",
        "Check the phase pin's wire, its ground and its length; a pull-down resistor may help.",
    ),
    "phase.mark-doubled": rule(
        "error",
        "The phase pin marks the same phase twice.",
        "It is not known which of the two is the border, so the window is not divided.",
        "Check the phase pin's wire for crosstalk from the timestamp pin or the UART.",
    ),
    "phase.mark-missing": rule(
        "error",
        "A mark of the phase pin is missing.",
        "Two phases run together there, so the window is not divided.",
        "Check the wire to the input; an input that samples more slowly than every quarter of a mark needs "
        "longer marks (DUT_PHASE_PULSE_US).",
    ),
    "phase.mark-odd": rule(
        "error",
        "The phase pin is high for a time that is neither a mark's nor a network's.",
        "It cannot be told what it marks, so the window is not divided.",
        "A network must last twice as long as a mark at least: build the firmware with shorter marks "
        "(DUT_PHASE_PULSE_US), or look for another program that moves the pin.",
    ),
    "phase.sum-differs": rule(
        "error",
        "The energies of the phases do not make up the energy of their window.",
        "Both are computed from the same samples, so one of them is wrong.",
        "Report this with the recording: it is a defect of this program.",
    ),
    "scenario.edges": rule(
        "error",
        "A run under load has another number of edges than its queries make.",
        "Then it is not known which energy belongs to the run.",
        "The run is repeated. If it happens again, check the wire of the timestamp pin, and whether the "
        "monitor samples often enough for the DUT's pulses.",
    ),
    "scenario.late": rule(
        "warning",
        "The percentile of the latency does not keep the bound at the rate that was asked for.",
        "The DUT cannot serve queries at this rate within this bound.",
        "Ask for a lower --rate, or leave it out: then the highest rate that keeps the bound is searched.",
    ),
    "scenario.not-valid": rule(
        "warning",
        "LoadGen's own verdict on the run is INVALID.",
        "The latencies are measured, but too few queries, too short a time or a bound that was not kept do "
        "not let LoadGen vouch for the percentile.",
        "Look at its summary for the constraint; ask for more --queries, a longer --duration "
        "or a lower --rate.",
    ),
}
