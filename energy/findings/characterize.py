"""Findings of characterization: layers, phases, scenarios."""

from __future__ import annotations

from energy.findings.rule import Rule, rule

CHARACTERIZE: dict[str, Rule] = {
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
