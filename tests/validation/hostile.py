"""What somebody might send: each case spoils a sound submission. Run as a program, it validates them all.

``python -m tests.validation.hostile FOLDER`` prints one JSON line a case. It runs in a process of its own,
whose anonymous memory is limited, and in which an alarm ends what hangs.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import resource
import shutil
import signal
import stat
import struct
import sys
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from energy.cli.main import main
from tests.validation.synthetic import eembc_submission, mlcommons_submission

MOST_DATA = 1 << 30
"""Anonymous memory of the process: mapped files do not count."""
LONGEST_S = 60
HUGE = 2 << 30
LARGER_THAN_ALLOWED = 501 << 20
"""For a trace, whose samples are all looked at."""

Case = Callable[[Path], Path]
CASES: dict[str, Case] = {}


def case(build: Case) -> Case:
    CASES[build.__name__] = build
    return build


def one(root: Path, pattern: str) -> Path:
    found = sorted(root.rglob(pattern))
    assert found, f"no {pattern}"
    return found[0]


def eembc(root: Path) -> Path:
    eembc_submission(root)
    return root


def mlcommons(root: Path) -> Path:
    mlcommons_submission(root)
    return root


def replaced(root: Path, pattern: str, data: bytes) -> Path:
    one(root, pattern).write_bytes(data)
    return root


def sparse(root: Path, pattern: str, keep: int = 64, size: int = HUGE) -> Path:
    path = one(root, pattern)
    with path.open("r+b") as file:
        file.truncate(keep)
        file.truncate(size)
    return root


def noise(count: int) -> bytes:
    return random.Random(1).randbytes(count)


@case
def sound(root: Path) -> Path:
    return eembc(root)


@case
def empty_log(root: Path) -> Path:
    return replaced(eembc(root), "energy/log.txt", b"")


@case
def empty_results(root: Path) -> Path:
    return replaced(eembc(root), "energy/results.txt", b"")


@case
def empty_trace(root: Path) -> Path:
    return replaced(eembc(root), "*-energy.bin", b"")


@case
def trace_cut_inside_a_sample(root: Path) -> Path:
    path = one(eembc(root), "*-energy.bin")
    return replaced(root, "*-energy.bin", path.read_bytes()[:-3])


@case
def trace_with_an_impossible_rate(root: Path) -> Path:
    return replaced(eembc(root), "*-energy.bin", struct.pack("<Bff", 0xF1, float("nan"), 1.0))


@case
def trace_of_noise(root: Path) -> Path:
    return replaced(eembc(root), "*-energy.bin", struct.pack("<Bf", 0xF1, 1000.0) + noise(400_000))


@case
def timestamps_cut(root: Path) -> Path:
    return replaced(eembc(root), "*-timestamps.json", b"[1.0, 2.")


@case
def timestamps_nested(root: Path) -> Path:
    return replaced(eembc(root), "*-timestamps.json", b"[" * 200_000)


@case
def timestamps_out_of_this_world(root: Path) -> Path:
    return replaced(eembc(root), "*-timestamps.json", b"[1e308, -1e308, 1e999999999, 0]")


@case
def log_of_noise(root: Path) -> Path:
    return replaced(eembc(root), "energy/log.txt", noise(300_000))


@case
def results_of_noise(root: Path) -> Path:
    return replaced(eembc(root), "energy/results.txt", noise(300_000))


@case
def log_in_utf_16(root: Path) -> Path:
    path = one(eembc(root), "energy/log.txt")
    return replaced(root, "energy/log.txt", path.read_text().encode("utf-16"))


@case
def results_in_latin_1(root: Path) -> Path:
    path = one(eembc(root), "energy/results.txt")
    return replaced(root, "energy/results.txt", path.read_text().encode() + "µJ für alle\n".encode("latin-1"))


@case
def log_of_one_long_line(root: Path) -> Path:
    return replaced(eembc(root), "energy/log.txt", b"00012.001 io: [dut]: m-results-[" + b"0," * 4_000_000)


@case
def log_of_brackets(root: Path) -> Path:
    line = b"00012.001 io: [dut]: " + b"m-model-[" * 2000 + b"\n"
    return replaced(eembc(root), "energy/log.txt", line * 200)


@case
def results_with_numbers_of_5000_digits(root: Path) -> Path:
    text = b"00001.000 ulp-ml: Energy data for window " + b"9" * 5000 + b" at time 1 for 2 sec.\n"
    text += b"00001.000 ulp-ml:   # Inferences : " + b"9" * 5000 + b"\n00001.000 ulp-ml: Energy : 1e999 uJ\n"
    return replaced(eembc(root), "energy/results.txt", text)


@case
def results_with_thousands_of_windows(root: Path) -> Path:
    line = "00001.000 ulp-ml: Energy data for window {} at time 1.000 for 10.5 sec.\n"
    return replaced(
        eembc(root), "energy/results.txt", "".join(line.format(k) for k in range(60_000)).encode()
    )


@case
def json_nested(root: Path) -> Path:
    return replaced(mlcommons(root), "energy/results.json", b'[{"power":' * 50_000)


@case
def json_with_numbers_of_5000_digits(root: Path) -> Path:
    number = b"9" * 5000
    text = b'[{"infer": {"iterations": ' + number + b'}, "power": {"samples": [1], "timestamps": []}}]'
    return replaced(mlcommons(root), "energy/results.json", text)


@case
def json_of_other_kinds(root: Path) -> Path:
    power = b'{"samples": {"a": null}, "timestamps": [[1]], "voltage": "x"}'
    text = b'[{"infer": [], "power": ' + power + b', "file": 3}, {}]'
    return replaced(mlcommons(root), "energy/results.json", text)


@case
def json_with_infinities(root: Path) -> Path:
    text = (
        b'[{"infer": {"iterations": NaN}, "power": {"samples": [Infinity, -1e308, 1e308], "timestamps": []}}]'
    )
    return replaced(mlcommons(root), "energy/results.json", text)


@case
def system_nested(root: Path) -> Path:
    return replaced(eembc(root), "systems/*.json", b'{"a":' * 100_000)


@case
def system_of_noise(root: Path) -> Path:
    return replaced(eembc(root), "systems/*.json", noise(10_000))


@case
def huge_log(root: Path) -> Path:
    return sparse(eembc(root), "energy/log.txt")


@case
def huge_json(root: Path) -> Path:
    return sparse(mlcommons(root), "energy/results.json")


@case
def huge_trace(root: Path) -> Path:
    return sparse(eembc(root), "*-energy.bin", keep=1 << 16, size=LARGER_THAN_ALLOWED)


@case
def huge_system_file(root: Path) -> Path:
    return sparse(eembc(root), "systems/*.json")


@case
def folders_inside_folders(root: Path) -> Path:
    below = one(eembc(root), "energy")
    for _ in range(80):
        below = below / "x"
    below.mkdir(parents=True)
    return root


@case
def three_thousand_files(root: Path) -> Path:
    folder = one(eembc(root), "energy")
    for number in range(3000):
        (folder / f"extra-{number}.txt").touch()
    return root


@case
def links_out_and_in_circles(root: Path) -> Path:
    folder = one(eembc(root), "energy")
    (folder / "loop").symlink_to(root)
    (folder / "log.txt").unlink()
    (folder / "log.txt").symlink_to("/etc/hostname")
    (folder / "results.txt").unlink()
    (folder / "results.txt").symlink_to("results.txt")
    return root


@case
def a_pipe_for_a_log(root: Path) -> Path:
    path = one(eembc(root), "energy/log.txt")
    path.unlink()
    os.mkfifo(path)
    return root


@case
def folders_where_files_belong(root: Path) -> Path:
    for name in ("log.txt", "results.txt"):
        path = one(eembc(root) if name == "log.txt" else root, f"energy/{name}")
        path.unlink()
        path.mkdir()
    return root


@case
def names_that_are_no_text(root: Path) -> Path:
    folder = one(eembc(root), "energy")
    for name in (b"\xff\xfe.txt", b"line\nfeed", b"<script>x", b"\x1b[31mred", b"%s%n{0}{{x}}"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"x")
    system = one(root, "results/*")
    system.rename(system.with_name("[red]<script>alert(1)</script>".replace("/", "\N{DIVISION SLASH}")))
    return root


def packed(root: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    path = root / "packed.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@case
def archive_that_leads_upwards(root: Path) -> Path:
    return packed(root, (tarfile.TarInfo("a/../../escaped.txt"), b"x"))


@case
def archive_with_an_absolute_path(root: Path) -> Path:
    return packed(root, (tarfile.TarInfo(str(root / "escaped.txt")), b"x"))


@case
def archive_with_a_link(root: Path) -> Path:
    link = tarfile.TarInfo("a")
    link.type, link.linkname = tarfile.SYMTYPE, str(root)
    return packed(root, (link, b""), (tarfile.TarInfo("a/escaped.txt"), b"x"))


@case
def archive_with_a_device(root: Path) -> Path:
    device = tarfile.TarInfo("a")
    device.type, device.mode = tarfile.CHRTYPE, stat.S_IFCHR
    return packed(root, (device, b""))


@case
def archive_that_explodes(root: Path) -> Path:
    path = root / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", b"\0" * (200 << 20))
    return path


@case
def archive_cut_off(root: Path) -> Path:
    path = packed(root, (tarfile.TarInfo("a/log.txt"), noise(100_000)))
    path.write_bytes(path.read_bytes()[:50_000])
    return path


@case
def archive_of_noise(root: Path) -> Path:
    (root / "noise.zip").write_bytes(b"PK\x03\x04" + noise(50_000))
    return root / "noise.zip"


@case
def no_archive_at_all(root: Path) -> Path:
    (root / "notes.zip").write_bytes(b"no archive")
    return root / "notes.zip"


def session(root: Path, **texts: bytes) -> Path:
    folder = root / "session"
    folder.mkdir()
    for name, data in texts.items():
        (folder / name.replace("_", ".")).write_bytes(data)
    return folder


@case
def session_of_noise(root: Path) -> Path:
    return session(root, trace_arrow=noise(5000), session_json=noise(500), result_json=noise(500))


@case
def session_of_other_kinds(root: Path) -> Path:
    text = b'{"mode": ["energy"], "workload": {}, "state": [[]], "trials": [{"iterations": "x"}]}'
    return session(root, session_json=text, result_json=b"[1]", manifest_json=b'{"files": 3}')


@case
def session_with_results_of_other_kinds(root: Path) -> Path:
    text = b'{"mode": "performance", "trials": [{"duration_s": 10.5, "iterations": 100}]}'
    return session(
        root, session_json=text, result_json=b'{"windows": 3, "session": {"inferences_per_second": []}}'
    )


@case
def session_whose_manifest_points_outside(root: Path) -> Path:
    text = b'{"files": {"../../../etc/passwd": {"sha256": "0"}, "/etc/passwd": {"sha256": "0"}}}'
    return session(root, session_json=b"{}", result_json=b"{}", manifest_json=text)


def _alarm(number: int, frame: object) -> None:
    raise TimeoutError("it hangs")


def validated(name: str, root: Path) -> dict[str, object]:
    """What the program says of a case, and what it took."""
    folder = root / name
    folder.mkdir()
    path = CASES[name](folder)
    said, complained = io.StringIO(), io.StringIO()
    page = root / f"{name}.html"
    began = time.monotonic()
    signal.alarm(LONGEST_S)
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
            status: object = main(["validate", str(path), "--json", "--workers", "1", "--html", str(page)])
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever escapes is what is looked for
        status = repr(error)[:400]
    signal.alarm(0)
    try:
        document = json.loads(said.getvalue())
    except ValueError:
        document = {}
    escaped = [str(one) for one in root.rglob("escaped.txt")]
    shutil.rmtree(folder)
    return {
        "case": name,
        "status": status,
        "codes": sorted(set(_codes(document))),
        "failed": [one["code"] for one in document.get("failed", [])],
        "stderr": complained.getvalue()[-400:],
        "page": page.exists(),
        "seconds": round(time.monotonic() - began, 2),
        "escaped": escaped,
    }


def _codes(document: object) -> list[str]:
    if isinstance(document, list):
        return [code for part in document for code in _codes(part)]
    if isinstance(document, dict):
        own = [document["code"]] if "severity" in document and "code" in document else []
        return own + [code for part in document.values() for code in _codes(part)]
    return []


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_DATA, MOST_DATA))
    signal.signal(signal.SIGALRM, _alarm)
    for asked in sys.argv[2:] or CASES:
        sys.stdout.write(json.dumps(validated(asked, Path(sys.argv[1]))) + "\n")
        sys.stdout.flush()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    sys.stdout.write(json.dumps({"case": "", "peak": peak}) + "\n")
