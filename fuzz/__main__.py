"""``python -m fuzz``: every target for a while, each in a process of its own; exit status 1 if one fell."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fuzz.targets import Target

FINDS = Path("out/fuzz")


def main(arguments: list[str] | None = None) -> int:
    """Runs the targets that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--only", action="append", metavar="TARGET", help="this one (may be given again)")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--corpus", type=Path, help="folder that keeps what was found between runs")
    parser.add_argument("--list", action="store_true", help="names of the targets")
    options, rest = parser.parse_known_args(arguments)
    if options.list:
        from fuzz.targets import all_targets

        sys.stdout.write("\n".join(all_targets()) + "\n")
        return 0
    try:
        atheris: Any = import_module("atheris")
    except ImportError:
        sys.stderr.write("atheris is not installed: pip install '.[fuzz]', or: make fuzz\n")
        return 2
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  # a line for each module
        kept, sys.stderr = sys.stderr, nowhere
        with atheris.instrument_imports(include=["energy", "drivers"]):
            from fuzz.targets import all_targets
        sys.stderr = kept
    known = all_targets()
    if unknown := set(options.only or ()) - set(known):
        sys.stderr.write(f"no target: {', '.join(sorted(unknown))}\n")
        return 2
    names = options.only or list(known)
    fallen = [name for name in names if not _run(atheris, name, known[name], options, rest)]
    sys.stdout.write(f"fell: {', '.join(fallen)}; inputs under {FINDS}\n" if fallen else "none fell\n")
    return 1 if fallen else 0


def _run(atheris: Any, name: str, target: Target, options: argparse.Namespace, rest: list[str]) -> bool:
    """Fuzzes a target in a child that has this process's instrumented modules; prints a line about it."""
    FINDS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as own, tempfile.TemporaryFile() as output:
        folder = options.corpus / name if options.corpus else Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(target.seeds):
            (folder / f"seed-{number}").write_bytes(seed)
        words = [
            *(f"-max_total_time={options.seconds}", f"-max_len={target.longest}"),
            *(f"-artifact_prefix={FINDS}/{name}-", "-timeout=20", "-rss_limit_mb=2048"),
            *("-print_final_stats=1", *rest, str(folder)),
        ]
        child = os.fork()
        if not child:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            atheris.Setup([sys.argv[0], *words], target.run)
            atheris.Fuzz()
            os._exit(0)
        _, state = os.waitpid(child, 0)
        output.seek(0)
        printed = output.read().decode("utf-8", "replace").splitlines()
    facts = dict(line.removeprefix("stat::").split(":", 1) for line in printed if line.startswith("stat::"))
    runs = facts.get("number_of_executed_units", "?").strip()
    peak = facts.get("peak_rss_mb", "?").strip()
    sys.stdout.write(f"{name:16} {'FELL' if state else 'sound':6} {runs:>9} inputs, {peak:>5} MiB at most\n")
    if state:
        told = [line for line in printed if not line.startswith(("INFO:", "#", "\t"))]
        sys.stdout.write("\n".join(told[-60:]) + "\n")
    sys.stdout.flush()
    return not state


if __name__ == "__main__":
    sys.exit(main())
