"""The reference of ``import joulebench as jb``: every public name, under the heading of its module."""

# pyright: reportPrivateUsage=false
# (the package keeps the homes of its names to itself)

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from itertools import pairwise
from typing import Any, NamedTuple

import joulebench
from energy.errors import JoulebenchError

HEADINGS = {
    "energy": "The package",
    "energy.bench.shipped": "Files that come with it",
    "energy.characterize.memory": "Memory of a firmware",
    "energy.errors": "Errors",
}
"""Headings for names of rooms; a module of ``joulebench`` has its own name."""
_OURS = ("energy", "joulebench")
_MEMBERS = """
   :members:
   :inherited-members: Exception, Sequence, Generic, Mapping"""


class Origin(NamedTuple):
    """Where a name in a signature is defined.

    Attributes:
        module: The module's name.
        text: What is written about it there: below an assignment, or in a class.
        is_class: Whether it is a class.
    """

    module: str
    text: str
    is_class: bool


def _entry(name: str) -> str:
    """The directive of autodoc that describes a public name."""
    value = getattr(joulebench, name)
    if inspect.isclass(value):
        kind = "exception" if issubclass(value, JoulebenchError) else "class"
        return f"```{{eval-rst}}\n.. auto{kind}:: joulebench.{name}{_MEMBERS}\n```\n"
    if inspect.isroutine(value):
        return f"```{{eval-rst}}\n.. autofunction:: joulebench.{name}\n```\n"
    return f"```{{eval-rst}}\n.. py:data:: joulebench.{name}\n\n   Now ``{value!r}``.\n```\n"


def _annotated(value: Any) -> Iterator[Any]:
    """A public function, or the public methods and properties of a class."""
    if not inspect.isclass(value):
        yield inspect.unwrap(value)
        return
    for name, member in vars(value).items():
        member = member.fget if isinstance(member, property) else member
        if inspect.isfunction(member) and (not name.startswith("_") or name == "__init__"):
            yield inspect.unwrap(member)


@cache
def origin(module: str, name: str) -> Origin | None:
    """Where a name of a module comes from, followed through imports, or None if that is not our code."""
    if module.partition(".")[0] not in _OURS:
        return None
    body = ast.parse(inspect.getsource(import_module(module)))
    for node in ast.walk(body):
        if isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                if (one.asname or one.name) == name:
                    return origin(node.module, one.name)
    for node, after in pairwise([*body.body, ast.Pass()]):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return Origin(module, ast.get_docstring(node) or "", is_class=True)
        match node:
            case ast.Assign(targets=[ast.Name(id=assigned)], value=value) if assigned == name:
                pass
            case ast.AnnAssign(target=ast.Name(id=assigned), value=ast.expr() as value) if assigned == name:
                pass
            case _:
                continue
        match after:
            case ast.Expr(value=ast.Constant(value=str() as text)):
                return Origin(module, text, is_class=False)
            case _:
                return Origin(module, f"``{ast.unparse(value)}``", is_class=False)
    return None


@cache
def names_in_signatures() -> dict[str, Origin]:
    """Names of types that stand in public signatures, and are no public names themselves.

    A name that means one thing here and another there is that of an alias (``Report``), or left out
    (``Figure``): classes are found by their whole names.
    """
    found: dict[str, set[Origin | None]] = {}
    for public in joulebench.__all__:
        for function in _annotated(getattr(joulebench, public)):
            texts = " ".join(str(text) for text in getattr(function, "__annotations__", {}).values())
            for name in re.findall(r"(?<![.\w])[A-Z]\w+", texts):
                if name not in joulebench.__all__:
                    found.setdefault(name, set()).add(origin(function.__module__, name))
    chosen: dict[str, Origin] = {}
    for name, known in found.items():
        aliases = [one for one in known if one is not None and not one.is_class]
        classes = [one for one in known if one is not None and one.is_class] if len(known) == 1 else []
        for one in (*aliases, *classes):
            chosen[name] = one
    return chosen


def _alias(name: str, known: Origin) -> str:
    """The entry of a name for types: the first paragraph of what is written about it."""
    first = " ".join(known.text.strip().partition("\n\n")[0].split())
    kind = "class" if known.is_class else "data"
    return f"```{{eval-rst}}\n.. py:{kind}:: {name}\n\n   {first}\n```\n"


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
    parts += [_alias(name, known) for name, known in sorted(names_in_signatures().items())]
    return "\n".join(parts)
