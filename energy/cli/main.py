"""``joulebench``: finds the verb, runs it, and turns errors into messages and an exit status.

Verbs are loaded by name only when they are used, and no verb imports numpy, pyarrow or matplotlib before it
runs, so ``--help`` is quick.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import importlib
import os
import sys
from collections.abc import Generator, Sequence
from typing import NoReturn

from energy import __version__
from energy.bench.spelling import did_you_mean
from energy.cli import completion, logs, streams
from energy.cli.signals import ignore_signals
from energy.errors import (
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_SUPPLY_ON,
    EXIT_USAGE,
    InternalError,
    JoulebenchError,
    defects,
    supply_on_behind,
)
from energy.printable import printable_lines

VERBS = {
    "demo": "four workloads on the virtual bench: the table and the pictures",
    "measure": "sessions on a bench: energy per inference beside inferences per second",
    "sweep": "the sessions of a plan: energy over voltage, clock, workload, firmware, temperature",
    "package": "sessions as a submission: the official tree, checked before it is written",
    "doctor": "step by step whether a bench works, and what to do where it does not",
    "sessions": "what is in a folder of sessions: set-up, figures and findings of each",
    "recover": "an interrupted session finished from its folder, as far as its windows had closed",
    "reanalyse": "an archive of recordings analysed again, beside what was stated",
    "calcheck": "a monitor checked with known loads: its corrections, as a certificate",
    "record": "any DUT that toggles a pin: windows and figures as they close",
    "floors": "power idle and asleep, energy of a wake-up",
    "layers": "energy of each layer of a network beside the whole",
    "phases": "energy of pre-processing, network and post-processing",
    "scenario": "energy and latency under LoadGen's four scenarios (not MLPerf Tiny)",
    "integrate": "energy per inference from a recording or a published trace",
    "compare": "results against each other: differences with their uncertainty, and the verdict",
    "check": "a gate for a firmware's CI: pass, fail or undecided against a limit or a baseline",
    "validate": "checks a session, a submission or whole rounds, and recomputes every figure",
    "catalogue": "published results: search, figures with their uncertainty, a round recomputed",
    "inferences": "single inferences inside a window, from the signal alone",
    "plot": "figures for screen and print: power over time, energy over latency, spectra, overlays",
    "report": "a page of a session, a sweep, a comparison, a submission or the atlas: opens offline, prints",
    "export": "a recording as CSV, Parquet or JLS",
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
  joulebench help measure

exit status: 0 fine, 1 measured or checked but with errors found, 2 wrong usage,
3 bench or instrument, 4 interrupted, 5 the supply may still be on, 6 undecided (check)"""


class Parser(argparse.ArgumentParser):
    """Shows wrong words without what could steer a terminal: a shell may take them from a folder."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with the usage and a message."""
        super().error(printable_lines(message))


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps examples as they are written."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=100)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs ``joulebench`` with the given arguments (those of the process by default).

    Returns:
        The exit status.
    """
    closed = streams.prepare()
    words = _complete(_helped(list(sys.argv[1:] if arguments is None else arguments)))
    parser = _parser(words)
    options = _parsed(parser, words)
    try:
        with logs.logged(options), _coded():
            if closed:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF), "standard output")
            status = _run(parser, options)
            streams.flush()
        _end(arguments)
        return status
    except JoulebenchError as error:
        _end(arguments)
        streams.finish(sys.stdout)
        for failure in (error, *error.also):
            _complain(failure)
        return error.worst_status
    except KeyboardInterrupt as interrupt:
        _end(arguments)
        sys.stderr.write("interrupted\n")
        if supply_on := supply_on_behind(interrupt):
            _complain(supply_on)
            return EXIT_SUPPLY_ON
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        streams.discard(sys.stdout)  # the reader of our output has gone
        return EXIT_USAGE


def _complain(error: JoulebenchError) -> None:
    """Writes an error and its hint to standard error."""
    text = f"error: {error}\nhint: {_located(error.hint)}\n"
    try:
        sys.stderr.write(printable_lines(text))
        sys.stderr.flush()
    except OSError:  # it cannot be read; the exit status remains
        streams.discard(sys.stderr)


@contextlib.contextmanager
def _coded() -> Generator[None]:
    """Within the context every error has a code; the traceback of a defect goes into the log.

    Raises:
        JoulebenchError: ``system.*`` for what the operating system refused, ``internal``.
    """
    try:
        with defects():
            yield
    except InternalError as error:
        cause = error.__cause__
        if isinstance(cause, BrokenPipeError):
            raise cause from None
        if isinstance(cause, OSError | ImportError) and (refused := streams.refused(cause)) is not None:
            raise refused from cause
        logs.LOGGER.info("a defect", exc_info=cause)
        raise


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


def _helped(words: list[str]) -> list[str]:
    """``help VERB`` as ``VERB --help``, and ``help plot KIND`` likewise."""
    if words[:1] != ["help"]:
        return words
    return [*words[1:3], "--help"]


def _complete(words: list[str]) -> list[str]:
    """The words with what a verb lets people leave out: the kind of a plot."""
    at = _verb_at(words)
    if at is None or words[at] != "plot":
        return words
    from energy.cli.plot import with_kind

    return [*words[: at + 1], *with_kind(words[at + 1 :])]


def _parsed(parser: argparse.ArgumentParser, words: list[str]) -> argparse.Namespace:
    """The options; a mistake is reported with the usage of its verb, and with the word that was meant."""
    verb = _verb_in(words)
    if verb is not None and verb not in VERBS:
        parser.error(f"there is no verb {verb!r}{did_you_mean(verb, VERBS)} (joulebench help lists them)")
    options, unknown = parser.parse_known_args(words)
    if unknown:
        at_hand: argparse.ArgumentParser = getattr(options, "parser", parser)
        flags = [flag for action in at_hand._actions for flag in action.option_strings]  # pyright: ignore[reportPrivateUsage]
        first = unknown[0].partition("=")[0]
        similar = did_you_mean(first, flags) if first.startswith("-") else ""
        at_hand.error(f"unrecognized arguments: {' '.join(unknown)}{similar}")
    return options


def _verb_in(words: Sequence[str]) -> str | None:
    """The verb among the words, if there is any."""
    at = _verb_at(words)
    return None if at is None else words[at]


def _verb_at(words: Sequence[str]) -> int | None:
    """Where the verb is: the first word that is neither an option nor an option's value."""
    rest = iter(enumerate(words))
    for at, word in rest:
        if not word.startswith("-"):
            return at
        if any(len(word) > 2 and option.startswith(word) for option in (logs.FILE_OPTION, completion.OPTION)):
            next(rest, None)
    return None


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = Parser(
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
            verb.set_defaults(run=module.run, parser=verb)
    return parser


def _located(text: str) -> str:
    """The text, with the paths of shipped files as they are on this machine."""
    from energy.bench.shipped import located

    return located(text)


if __name__ == "__main__":
    sys.exit(main())
