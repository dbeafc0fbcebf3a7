"""``python -m fuzz``: every target for a while, each in a process of its own; exit status 1 if one fell."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

FINDS = Path("out/fuzz")


def main(arguments: list[str] | None = None) -> int:
    """Runs the targets that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--only", action="append", metavar="TARGET", help="this one (may be given again)")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--corpus", type=Path, help="folder that keeps what was found between runs")
    parser.add_argument("--list", action="store_true", help="names of the targets")
    parser.add_argument("--here", metavar="TARGET", help=argparse.SUPPRESS)
    options, rest = parser.parse_known_args(arguments)
    if options.here:
        return _here(options.here, rest)
    from fuzz.targets import all_targets

    known = list(all_targets())
    unknown = set(options.only or ()) - set(known)
    if options.list or unknown:
        sys.stdout.write("\n".join(known) + "\n")
        return 2 if unknown else 0
    fallen = [name for name in options.only or known if not _run(name, options.seconds, options.corpus, rest)]
    sys.stdout.write(f"fell: {', '.join(fallen)}; inputs under {FINDS}\n" if fallen else "none fell\n")
    return 1 if fallen else 0


def _run(name: str, seconds: int, corpus: Path | None, rest: list[str]) -> bool:
    from fuzz.targets import all_targets

    target = all_targets()[name]
    FINDS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as own:
        folder = corpus / name if corpus else Path(own)
        folder.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(target.seeds):
            (folder / f"seed-{number}").write_bytes(seed)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "fuzz", "--here", name),
                *(
                    f"-max_total_time={seconds}",
                    f"-max_len={target.longest}",
                    f"-artifact_prefix={FINDS}/{name}-",
                ),
                *("-timeout=20", "-rss_limit_mb=2048", "-print_final_stats=1"),
                *rest,
                str(folder),
            ],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    facts = dict(
        line.removeprefix("stat::").split(":", 1)
        for line in done.stderr.splitlines()
        if line.startswith("stat::")
    )
    runs = facts.get("number_of_executed_units", "?").strip()
    peak = facts.get("peak_rss_mb", "?").strip()
    sys.stdout.write(
        f"{name:14} {'sound' if done.returncode == 0 else 'FELL':6} {runs:>9} inputs, {peak:>5} MiB at most\n"
    )
    if done.returncode:
        sys.stdout.write((done.stdout + done.stderr)[-6000:] + "\n")
    sys.stdout.flush()
    return done.returncode == 0


def _here(name: str, words: list[str]) -> int:
    """Fuzzes in this process; comes back only where it fails to begin."""
    try:
        import atheris
    except ImportError:
        sys.stderr.write("atheris is not installed: pip install '.[fuzz]', or: make fuzz\n")
        return 2
    with atheris.instrument_imports(include=["energy", "drivers"]):
        from fuzz.targets import all_targets
    atheris.Setup([sys.argv[0], *words], all_targets()[name].run)
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
