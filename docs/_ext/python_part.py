"""The reference of ``import joulebench as jb``: every public name, under the heading of its module."""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from itertools import pairwise

import joulebench
from energy.errors import JoulebenchError

HEADINGS = {
    "energy": "The package",
    "energy.bench.shipped": "Files that come with it",
    "energy.characterize.memory": "Memory of a firmware",
    "energy.errors": "Errors",
}
"""Headings for names of rooms; a module of ``joulebench`` has its own name."""
ALIASES = {
    "energy.bench.prompt": ("Prompt",),
    "joulebench.benches": ("AnyPath", "AnyBench"),
    "joulebench.figures": ("Source",),
    "joulebench.progress": ("Report",),
    "joulebench.recordings": ("HasFolder",),
}
"""Names for types that stand in signatures."""
_MEMBERS = """
   :members:
   :inherited-members: Exception, Sequence, Generic, Mapping"""


def _entry(name: str) -> str:
    """The directive of autodoc that describes a public name."""
    value = getattr(joulebench, name)
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, JoulebenchError) else "class"
        return f"```{{eval-rst}}\n.. auto{kind}:: joulebench.{name}{_MEMBERS}\n```\n"
    if inspect.isroutine(value):
        return f"```{{eval-rst}}\n.. autofunction:: joulebench.{name}\n```\n"
    return f"```{{eval-rst}}\n.. py:data:: joulebench.{name}\n\n   Now ``{value!r}``.\n```\n"


def _alias(home: str, name: str) -> str:
    """A name for types, with the text that stands below it or in its class."""
    module = import_module(home)
    body = ast.parse(inspect.getsource(module)).body
    text = next(
        (
            after.value.value
            for node, after in pairwise(body)
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == name and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ),
        getattr(module, name).__doc__,
    )  # fmt: skip
    first = " ".join(str(text).strip().partition("\n\n")[0].split())
    return f"```{{eval-rst}}\n.. py:data:: {name}\n\n   {first}\n```\n"


def python_part() -> str:
    """All of ``joulebench.__all__``, a section a module, then the names for types."""
    parts: list[str] = []
    for home, names in joulebench._HOMES.items():
        title = HEADINGS.get(home) or home.removeprefix("joulebench.").replace("_", " ").capitalize()
        parts.append(f"## {title}\n")
        if home.startswith("joulebench."):
            parts.append((import_module(home).__doc__ or "").partition("\n")[0] + "\n")
        parts += [_entry(name) for name in names]
    parts.append("## Types in signatures\n")
    parts += [_alias(home, name) for home, names in ALIASES.items() for name in names]
    return "\n".join(parts)
