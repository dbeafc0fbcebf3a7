"""Findings about the files of a recording."""

from __future__ import annotations

from energy.findings.rule import Rule, rule

RECORDINGS: dict[str, Rule] = {
    "recording.digital-damaged": rule(
        "error",
        "The levels of a digital input cannot be read.",
        "The edges in these levels are missing; the samples are not affected.",
        "Use a copy of the recording.",
    ),
    "recording.edges-damaged": rule(
        "error",
        "A line of edges.jsonl cannot be read, so edges may be missing.",
        "After a lost edge, pauses are taken for windows.",
        "Compare the edges that are left with the session's log.",
    ),
    "recording.edges-incomplete": rule(
        "warning",
        "The last line of edges.jsonl was cut off and is left out.",
        "The program was killed while it wrote the line: that edge is lost.",
        "Use the windows that have both their edges: they are sound.",
    ),
    "recording.edges-missing": rule(
        "warning",
        "There is no edges.jsonl beside the samples.",
        "Without edges there are no windows.",
        "Copy the whole folder of the recording.",
    ),
    "recording.not-reduced": rule(
        "warning",
        "The recording keeps all samples, although less was asked for.",
        "It takes more of the disk than was meant; no figure is affected.",
        "Look at the evidence; measure again with more space, or with a monitor that sees the edges itself.",
    ),
    "recording.reduced": rule(
        "info",
        "The recording does not keep all samples, as it was asked to (`--keep`).",
        "What is not kept cannot be computed again: only windows whose samples are there, and levels.",
        "Keep all samples (`--keep full`) where others are to check the measurement.",
    ),
    "recording.unclosed": rule(
        "warning",
        "The recording was not closed; it was read up to its last whole batch.",
        "The program that wrote it was killed: what it had not yet written is missing.",
        "Use the windows that ended before the end of the recording: they are sound.",
    ),
}
