"""``joulebench``: finds the verb, runs it, and turns errors into messages and an exit status.

Verbs are loaded by name only when they are used, and no verb imports numpy, pyarrow or matplotlib before it
runs, so ``--help`` is quick.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from energy import __version__
from energy.cli import completion, logs
from energy.cli.signals import ignore_signals
from energy.errors import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_SUPPLY_ON,
    EXIT_USAGE,
    JoulebenchError,
    supply_on_behind,
)

VERBS = {
    "demo": "four workloads on the virtual bench: the table and the pictures",
    "measure": "sessions on a bench: energy per inference beside inferences per second",
    "package": "sessions as a submission: the official tree, checked before it is written",
    "doctor": "step by step whether a bench works, and what to do where it does not",
    "sessions": "what is in a folder of sessions: set-up, figures and findings of each",
    "record": "any DUT that toggles a pin: windows and figures as they close",
    "integrate": "energy per inference from a recording or a published trace",
    "validate": "checks a session, a submission or whole rounds, and recomputes every figure",
    "plot": "the picture of a recording: power over time with its windows",
    "export": "a recording as CSV or Parquet",
    "shipped": "files that come with the program: bench files, wiring sheets, pages, a recording",
    "init": "a bench file to fill in",
    "list": "what is plugged in, and the part of a bench file for it",
}

_MODULES = {"list": "list_"}
"""Verbs whose modules have another name, which would hide a builtin's."""

_DESCRIPTION = "Energy per inference of microcontrollers and small accelerators, recomputable from its trace."
_EPILOG = """\
examples:
  joulebench demo
  joulebench doctor --bench my-bench.toml
  joulebench measure --bench my-bench.toml --workload kws01
  joulebench integrate fixtures/recordings/kws01-closed-form
  joulebench integrate submission/closed/ --json
  joulebench validate submission/ --html out/report.html
  joulebench VERB --help

exit status: 0 fine, 1 measured or checked but with errors found, 2 wrong usage,
3 bench or instrument, 4 interrupted, 5 the supply may still be on"""


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps examples as they are written."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=100)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs ``joulebench`` with the given arguments (those of the process by default).

    Returns:
        The exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser(words)
    options = parser.parse_args(words)
    try:
        with logs.logged(options):
            status = _run(parser, options)
        _end(arguments)
        return status
    except JoulebenchError as error:
        _end(arguments)
        for failure in (error, *error.also):
            sys.stderr.write(f"error: {failure}\nhint: {_located(failure.hint)}\n")
        return error.worst_status
    except KeyboardInterrupt as interrupt:
        _end(arguments)
        sys.stderr.write("interrupted\n")
        if supply_on := supply_on_behind(interrupt):
            sys.stderr.write(f"error: {supply_on}\nhint: {supply_on.hint}\n")
            return EXIT_SUPPLY_ON
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader of our output has gone
        return EXIT_USAGE


def _end(arguments: Sequence[str] | None) -> None:
    """Ignores further signals if the process is about to end (not if another program called ``main``)."""
    if arguments is None:
        ignore_signals()


def _run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """Runs the verb that was asked for; its beginning and its end are logged."""
    if options.print_completion:
        sys.stdout.write(completion.completion(parser, options.print_completion))
        return EXIT_OK
    if "run" not in options:
        parser.error("the following arguments are required: VERB")
    logs.LOGGER.debug("joulebench %s, Python %s: %s", __version__, sys.version.split()[0], vars(options))
    try:
        status = int(options.run(options))
    except BaseException as error:
        logs.LOGGER.debug("ended by %s: %s", type(error).__name__, error)
        raise
    logs.LOGGER.debug("exit status %d", status)
    return status


def _verb_in(words: Sequence[str]) -> str | None:
    """The verb among the words: the first that is neither an option nor an option's value."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            return word
        if any(len(word) > 2 and option.startswith(word) for option in (logs.FILE_OPTION, completion.OPTION)):
            next(rest, None)
    return None


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "joulebench", description=_DESCRIPTION, epilog=_located(_EPILOG), formatter_class=HelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"joulebench {__version__}")
    completion.add_argument(parser)
    logs.add_arguments(parser)
    verbs = parser.add_subparsers(metavar="VERB")
    asked = _verb_in(words)
    every = asked is None and any(word.startswith("--p") for word in words)  # completion is for all of them
    for name, summary in VERBS.items():
        verb = verbs.add_parser(name, help=summary, formatter_class=HelpFormatter)
        if name == asked or every:
            module = importlib.import_module(f"energy.cli.{_MODULES.get(name, name)}")
            verb.description, verb.epilog = module.DESCRIPTION, _located(module.EXAMPLES)
            module.add_arguments(verb)
            logs.add_arguments(verb)
            verb.set_defaults(run=module.run)
    return parser


def _located(text: str) -> str:
    """The text, with the paths of shipped files as they are on this machine."""
    from energy.bench.shipped import located

    return located(text)


if __name__ == "__main__":
    sys.exit(main())
