"""Findings of characterization: layers, phases."""

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
}
