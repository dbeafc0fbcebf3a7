"""Names under which people know published systems: in articles, data sheets and talks."""

from __future__ import annotations

import re

_NAMES: tuple[tuple[str, str], ...] = (
    (r"v0\.5/closed/reference/", "Harvard reference on NUCLEO-L4R5ZI"),
    (r"v0\.5/closed/latentai/", "Latent AI LEIP on Raspberry Pi 4"),
    (r"v0\.5/closed/PengChengLaboratory/", "Peng Cheng Laboratory Scepu02"),
    (r"[^/]+/closed/syntiant/results/syntiant_9120", "Syntiant NDP120"),
    (r"[^/]+/open/hls4ml/results/pynq-?z2/", "hls4ml on Pynq-Z2"),
    (r"v0\.7/open/hls4ml-finn/results/pynq-z2/", "hls4ml and FINN on Pynq-Z2"),
    (r"v0\.7/open/hls4ml-finn/results/arty-a7-100t/", "hls4ml and FINN on Arty A7-100T"),
    (r"[^/]+/closed/renesas/results/EK-RA6M4/", "Renesas RA6M4"),
    (r"[^/]+/closed/renesas/results/RX65N", "Renesas RX65N"),
    (r"[^/]+/closed/Renesas/results/EK-RA8D1/", "Renesas RA8D1"),
    (r"[^/]+/closed/greenwaves-technologies/results/gap9", "GreenWaves GAP9"),
    (r"[^/]+/closed/silicon_labs/results/silicon_labs_xG24", "Silicon Labs EFR32xG24"),
)
"""A pattern for the beginning of a row's path, and the name."""


def known_names(path: str) -> tuple[str, ...]:
    """The names of the system of a row.

    Args:
        path: The row's path.
    """
    return tuple(name for pattern, name in _NAMES if re.match(pattern, path))
