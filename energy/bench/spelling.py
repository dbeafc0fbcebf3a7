"""Finds the known word that is most similar: for keys of a bench file and names of drivers."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word with the most similar spelling, or None if none is similar.

    Case is ignored, and ``-`` counts as ``_``: ``Rate-Hz`` is like ``rate_hz``.
    """
    plain = {_plain(name): name for name in sorted(known, reverse=True)}
    found = get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")
