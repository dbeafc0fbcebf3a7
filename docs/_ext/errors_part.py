"""The table of all errors: where the sources make one, its code, message, hint and exit status are read.

Nothing is run: the syntax trees of ``energy``, ``drivers`` and ``joulebench`` are searched for calls of the
classes of ``JoulebenchError``. What is only known when it happens stands between angle quotes.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from markdown_text import cell, table

from energy.doctor.causes import CAUSES
from energy.errors import (
    EXIT_BENCH,
    EXIT_FINDINGS,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_SUPPLY_ON,
    EXIT_UNDECIDED,
    EXIT_USAGE,
    InternalError,
    JoulebenchError,
    TooLargeError,
)
from energy.instruments import alarms
from energy.session import losses

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("energy", "drivers", "joulebench")
STATUSES = {
    EXIT_OK: "fine",
    EXIT_FINDINGS: "measured or checked, but with errors found; a file that cannot be read",
    EXIT_USAGE: "wrong usage",
    EXIT_BENCH: "bench or instrument",
    EXIT_INTERRUPTED: "interrupted",
    EXIT_SUPPLY_ON: "the supply may still be on",
    EXIT_UNDECIDED: "`check` cannot decide: the uncertainty covers the limit",
}
_CODE_AT = {TooLargeError: "file.too-large"}
"""Classes whose first argument is the message."""


@dataclass
class ErrorCode:
    """An error: its exit status, and each message with its hint as the sources have them."""

    code: str
    statuses: set[int] = field(default_factory=set[int])
    cases: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])

    def add(self, status: int, message: str, hint: str) -> None:
        """Adds a place in the sources that makes it."""
        self.statuses.add(status)
        if (message, hint) not in self.cases:
            self.cases.append((message, hint))


def error_classes() -> dict[str, type[JoulebenchError]]:
    """All classes of errors by their names."""
    assert alarms, losses  # they define some of them
    found = [JoulebenchError]
    for known in found:
        found += [one for one in known.__subclasses__() if one not in found]
    return {known.__name__: known for known in found if known is not InternalError}


class _Module:
    """A module's syntax tree, and the texts that its names stand for."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.constants: dict[str, str] = {}
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                text = self.text(node.value)
                if text and "‹" not in text:
                    self.constants[node.targets[0].id] = text

    def adopt(self, modules: Mapping[str, _Module]) -> None:
        """Takes over the constants that it imports."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module in modules:
                known = modules[node.module].constants
                self.constants |= {
                    one.asname or one.name: known[one.name] for one in node.names if one.name in known
                }

    def text(self, node: ast.expr) -> str:
        """An expression as text; what is only known when it happens, between angle quotes."""
        match node:
            case ast.Constant(value=str() as value):
                return value
            case ast.JoinedStr(values=parts):
                return "".join(self.text(part) for part in parts)
            case ast.FormattedValue(value=value):
                return self.text(value)
            case ast.Name(id=name) if name in self.constants:
                return self.constants[name]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self.text(left) + self.text(right)
            case ast.IfExp(body=body, orelse=orelse):
                texts = [text for text in (self.text(body), self.text(orelse)) if text]
                return " / ".join(dict.fromkeys(texts))
            case ast.Attribute(attr=name) | ast.Name(id=name):
                words = name.strip("_").replace("_", " ").lower()
                return "‹value›" if words == "self" else f"‹{words}›"
            case ast.Subscript(value=value):
                return self.text(value)
            case ast.Call(func=ast.Attribute(value=ast.Constant(), attr="join"), args=[what, *_]):
                return self.text(what)
            case ast.Call(args=[only, *_]):
                return self.text(only)
            case ast.Call(func=ast.Attribute(value=value)):
                return self.text(value)
            case _:
                return "‹…›" if not isinstance(node, ast.Constant) else str(node.value)

    def codes(self, node: ast.expr) -> list[str]:
        """The codes that an expression may be."""
        if isinstance(node, ast.IfExp):
            return self.codes(node.body) + self.codes(node.orelse)
        text = self.text(node)
        for name in ("who", "prefix"):
            text = text.replace(f"‹{name}›", "‹instrument›")
        return [text] if "." in text else []


def _modules() -> list[_Module]:
    paths = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    found = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): _Module(ast.parse(path.read_text("utf-8")))
        for path in paths
    }
    found |= {name.removesuffix(".__init__"): module for name, module in found.items()}
    modules = [found[".".join(path.relative_to(ROOT).with_suffix("").parts)] for path in paths]
    for module in modules:
        module.adopt(found)
    return modules


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg == name:
            return keyword.value
    return call.args[place] if place < len(call.args) else None


def _of_factory(
    module: _Module, parameter: str, classes: dict[str, type[JoulebenchError]]
) -> Iterator[ast.Call]:
    """Calls in the module of a function that hands its parameter on as the code of an error."""
    makers = {
        (node.name, [one.arg for one in node.args.args if one.arg != "self"].index(parameter))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef) and parameter in [one.arg for one in node.args.args]
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and _name(call) in classes and call.args
        and isinstance(call.args[0], ast.Name) and call.args[0].id == parameter
    }  # fmt: skip
    for call in ast.walk(module.tree):
        if isinstance(call, ast.Call):
            for name, place in makers:
                if _name(call) == name and place < len(call.args):
                    yield ast.Call(call.func, [call.args[place], *call.args[place + 1 :]], call.keywords)


def _name(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def error_codes() -> dict[str, ErrorCode]:
    """Every error of joulebench by its code."""
    classes = error_classes()
    found: dict[str, ErrorCode] = {}

    def add(code: str, status: int, message: str, hint: str) -> None:
        found.setdefault(code, ErrorCode(code)).add(status, message, hint)

    for module in _modules():
        for call in ast.walk(module.tree):
            if not (isinstance(call, ast.Call) and (kind := classes.get(_name(call))) and call.args):
                continue
            shift = 0 if kind in _CODE_AT else 1
            message, hint = _argument(call, shift, "message"), _argument(call, shift + 1, "hint")
            texts = [module.text(one) if one is not None else "" for one in (message, hint)]
            if kind in _CODE_AT:
                add(_CODE_AT[kind], kind.exit_status, *texts)
                continue
            for code in module.codes(call.args[0]):
                add(code, kind.exit_status, *texts)
            if isinstance(call.args[0], ast.Name):
                for made in _of_factory(module, call.args[0].id, classes):
                    reason = module.text(made.args[1]) if len(made.args) > 1 else texts[0]
                    for code in module.codes(made.args[0]):
                        add(code, kind.exit_status, reason, texts[1])
    for code, cause in CAUSES.items():
        add(code, EXIT_BENCH, f"{cause.meaning} ‹evidence›", cause.remedy)
    add("internal", InternalError.exit_status, "‹the exception, and where it came from›", _internal_hint())
    return dict(sorted(found.items()))


def _hint(text: str) -> str:
    """A hint in a cell; a dash where it depends on the case."""
    return "–" if text in ("", "‹hint›", "‹…›") else cell(text)


def _internal_hint() -> str:
    return InternalError(RuntimeError()).hint


def errors_part() -> str:
    """The reference of errors: exit statuses, then a table for each beginning of a code."""
    parts = ["## Exit statuses\n", table(["status", "means"], [[str(k), v] for k, v in STATUSES.items()])]
    groups: dict[str, list[ErrorCode]] = {}
    for error in error_codes().values():
        groups.setdefault(error.code.partition(".")[0], []).append(error)
    for group, errors in groups.items():
        title = "Any instrument" if group == "‹instrument›" else group
        rows = [
            [f"`{error.code}`", "/".join(map(str, sorted(error.statuses))), cell(message), _hint(hint)]
            for error in errors
            for message, hint in error.cases
        ]
        parts += [f"\n## {title}\n", table(["code", "status", "message", "hint"], rows)]
    return "\n".join(parts)
