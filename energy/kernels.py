"""Loops over samples that numba compiles, where it is installed (the extra ``fast``) and pays.

A kernel is a plain Python function of loops. Its twin in NumPy is always there and gives the same bits, so no
figure depends on which of the two ran, and a sum may be begun by one and ended by the other.

The environment variable ``JOULEBENCH_KERNELS`` decides when the kernels are used:

- ``auto``, or not set: once NumPy has done so much work that loading them would have paid;
- ``on``: from the first sample on;
- ``off``: never.

Compiled code is kept in numba's cache, beside the source or in the user's cache folder.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import os
import threading
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from typing import Any, Generic, ParamSpec, TypeVar

from energy.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")

VARIABLE = "JOULEBENCH_KERNELS"
_LOG = logging.getLogger("joulebench.kernels")
_LOADING = threading.RLock()


class Use(StrEnum):
    """When kernels are used."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


def use_of_kernels() -> Use:
    """What the environment variable asks for.

    Raises:
        UsageError: ``kernels.setting`` for a word that is none of the three, or for ``on`` without numba.
    """
    return _use(os.environ.get(VARIABLE, ""))


@cache
def _use(setting: str) -> Use:
    word = setting.strip().lower() or Use.AUTO
    if word not in list(Use):
        raise UsageError(
            "kernels.setting",
            f"the environment variable {VARIABLE} is {word!r}",
            "Set it to auto, on or off, or do not set it.",
        )
    if word == Use.ON and not installed():
        raise UsageError(
            "kernels.setting",
            f"the environment variable {VARIABLE} is on, but numba is not installed",
            "Install it (pip install 'joulebench[fast]'), or set the variable to auto.",
        )
    return Use(word)


def installed() -> bool:
    """Whether numba is there. It is not imported."""
    return importlib.util.find_spec("numba") is not None


class Kernel(Generic[P, R]):
    """A loop, compiled when it is first used.

    Args:
        loop: The loop, of numbers and arrays alone.
        signatures: Types of its arguments, for each way in which it is called: ``"float64"`` is a number,
            ``"float32[]"`` an array in one piece that the loop only reads, ``"float32[]="`` one that it
            writes, ``"none"`` None.
        agrees: Whether a compiled loop gives its twin's results, to the bit: tried before it is used.
        pays_after: Amount of work, in samples, after which loading numba has paid.
    """

    def __init__(
        self,
        loop: Callable[P, R],
        signatures: tuple[tuple[str, ...], ...],
        agrees: Callable[[Callable[P, R]], bool],
        pays_after: float,
    ) -> None:
        self._loop = loop
        self._signatures = signatures
        self._agrees = agrees
        self._pays_after = pays_after
        self._work = 0
        self._compiled: Callable[P, R] | None = None
        self._unusable = False

    def get(self, work: int = 0) -> Callable[P, R] | None:
        """The compiled loop if it is to be used now; None where NumPy does the work.

        Args:
            work: Number of samples that come now, from a caller that can wait for numba (some tenths of a
                second, or a few seconds if nothing has been compiled yet); 0 from a caller that cannot.

        Raises:
            UsageError: As ``use_of_kernels``; ``kernels.unusable`` if kernels are ``on`` and this cannot
                be used.
        """
        use = use_of_kernels()
        if use is Use.OFF or (self._unusable and use is Use.AUTO):
            return None
        if self._compiled is None and (use is Use.ON or self._pays(work)):
            self._load(use)
        return self._compiled

    def _pays(self, work: int) -> bool:
        self._work += work
        return work > 0 and self._work >= self._pays_after and installed()

    def _load(self, use: Use) -> None:
        with _LOADING:
            if self._compiled is not None:
                return
            try:
                compiled = self._compile()
                trouble = "" if self._agrees(compiled) else "it gives other results than NumPy"
            except _foreseen() as error:
                compiled, trouble = None, f"{type(error).__name__}: {error}"
            if not trouble:
                self._compiled = compiled
                return
            self._unusable = True
            name = f"{self._loop.__module__}.{self._loop.__name__}"
            if use is Use.ON:
                raise UsageError(
                    "kernels.unusable",
                    f"numba's code for {name} cannot be used: {trouble}",
                    f"Set {VARIABLE} to auto or off: NumPy then does the work.",
                )
            _LOG.warning("numba's code for %s cannot be used, NumPy does the work: %s", name, trouble)

    def _compile(self) -> Callable[P, R]:
        numba: Any = importlib.import_module("numba")
        types = [tuple(_type(numba.types, word) for word in signature) for signature in self._signatures]
        options = {"nogil": True, "error_model": "numpy"}
        try:
            return numba.njit(types, cache=True, **options)(self._loop)
        except RuntimeError as error:
            if "cannot cache" not in str(error):
                raise
            _LOG.info("numba's code is not kept, because no folder for it can be written: %s", error)
            return numba.njit(types, **options)(self._loop)


def _type(types: Any, word: str) -> Any:
    """The type in numba of a word of ``Kernel``'s signatures."""
    name, _, array = word.partition("[]")
    kind = getattr(types, name)
    if "[]" not in word:
        return kind
    return types.Array(kind, 1, "C", readonly=array != "=")


def _foreseen() -> tuple[type[Exception], ...]:
    """What numba raises where it cannot be imported here, or cannot compile."""
    try:
        errors: Any = importlib.import_module("numba.core.errors")
    except (ImportError, OSError, SystemError):
        return (ImportError, OSError, SystemError)
    return (ImportError, OSError, errors.NumbaError)
