"""Finds the known word that is most similar: for keys of a bench file and names of drivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

_SHORTEST = 2
"""Letters that the beginning of a word must have."""


def closest(word: str, known: Iterable[str]) -> str | None:
    """The known word with the most similar spelling, or None if none is similar.

    Case is ignored, and ``-`` counts as ``_``: ``Rate-Hz`` is like ``rate_hz``. The beginning of a single
    known word is like it.
    """
    plain = {_plain(name): name for name in sorted(known, reverse=True)}
    begun = [name for name in plain if len(word) >= _SHORTEST and name.startswith(_plain(word))]
    if len(begun) == 1:
        return plain[begun[0]]
    found = get_close_matches(_plain(word), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str], means: Mapping[str, str] | None = None) -> str:
    """The end of a sentence that names the similar word, ``": did you mean kws01?"``; empty if there is none.

    Args:
        word: The word that is not known.
        known: The known words.
        means: What to name for a known word; None: the word itself.
    """
    similar = closest(word, known)
    if similar is None:
        return ""
    return f": did you mean {similar if means is None else means[similar]}?"


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")
