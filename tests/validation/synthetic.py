"""Small sound submissions in the formats of both runners, written from a known truth.

Nothing of the code under test is used: energies are added up sample by sample as protocols.md 3.6 says, areas
under ROC curves by comparing every pair or counting at every threshold, texts laid out like the published.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

FAST = 1 + 130e-6
RATE = 1000
RULER = "-" * 57
FILES = {"kws": 1000, "vww": 1000, "ic": 200, "ic2": 200}
"""Files of the official validation sets (protocols.md 1.7)."""
LABELS = {"kws": 12, "ic": 10, "vww": 2}
MODELS = {"kws": "kws01", "ic": "ic01", "ic2": "ic02", "vww": "vww01"}


@dataclass
class Truth:
    """What is measured: five windows on the monitor's clock, whole milliseconds.

    Attributes:
        iterations: Inferences of each window.
        lengths_ms: Its length.
        power_uj: Energy of each of its samples.
        pauses_ms: Pause before each window.
        voltage_mv: Supply voltage.
        seed: Of the noise: another session has another.
        benchmark: Which benchmark.
        peak_uj: A single sample's energy in window 2, or None.
    """

    iterations: list[int] = field(default_factory=lambda: [100] * 5)
    lengths_ms: list[int] = field(default_factory=lambda: [10207, 10201, 10212, 10205, 10203])
    power_uj: list[float] = field(default_factory=lambda: [20.0, 20.01, 19.99, 20.0, 20.02])
    pauses_ms: list[int] = field(default_factory=lambda: [1520, 1433, 1618, 1377, 1551])
    voltage_mv: int = 1800
    seed: int = 1
    benchmark: str = "kws"
    speed: float = 1.0
    runner_edges: list[int] | None = None

    @property
    def windows(self) -> list[tuple[int, int]]:
        """Start and stop of each window in ms, the first some time after the timestamp command's edge."""
        at, found = 20, []
        for pause, length in zip(self.pauses_ms, self.lengths_ms, strict=True):
            at += pause
            found.append((at, at + length))
            at += length
        return found

    @property
    def edges(self) -> list[int]:
        """All edges in ms: that of the timestamp command, then a pair for each window."""
        return [20, *(edge for window in self.windows for edge in window)]

    @property
    def samples_uj(self) -> np.ndarray:
        """Energy of each sample in microjoule."""
        rng = np.random.default_rng(self.seed)
        end = -(-(self.edges[-1] + 1100) // 1024) * 1024
        values = np.full(end, 4.0)
        for (start, stop), power in zip(self.windows, self.power_uj, strict=True):
            values[start:stop] = power
        return (values * rng.normal(1, 0.02, end)).round(2)


def eembc_window(samples: np.ndarray, start_ms: int, stop_ms: int) -> tuple[float, float]:
    """Energy in µJ and mean power in µW as the EEMBC runner adds them up: time grows step by step."""
    start, stop = float(f"{start_ms / 1000:.3f}"), float(f"{stop_ms / 1000:.3f}")
    time_s = total = 0.0
    count = 0
    for value in samples.astype(np.float32).tolist():
        if time_s > stop:
            break
        if time_s >= start:
            total += value
            count += 1
        time_s += 1 / RATE
    return total, total / (count / RATE)


def host(ms: float, delay: float = 0.0) -> str:
    """The stamp of a log at a time of the monitor's clock."""
    return f"{168.0 + ms / 1000 / FAST + delay:09.3f}"


def write_eembc_energy(folder: Path, truth: Truth) -> None:
    """log.txt, results.txt, script.async, trace1-energy.bin, trace1-timestamps.json."""
    folder.mkdir(parents=True)
    samples = truth.samples_uj
    data = b"\xf1" + struct.pack("<f", RATE) + samples.astype("<f4").tobytes()
    (folder / "trace1-energy.bin").write_bytes(data)
    edges = ",\n".join(f"\t{edge / 1000:g}" for edge in truth.edges)
    (folder / "trace1-timestamps.json").write_text(f"[\n{edges}\n]")
    (folder / "script.async").write_text(f"[{{cmd: 'emon voltage {truth.voltage_mv}'}}]\n")
    (folder / "log.txt").write_text(eembc_energy_log(truth, len(samples)))
    (folder / "results.txt").write_text(eembc_energy_results(truth, samples))


def eembc_energy_log(truth: Truth, samples: int) -> str:
    model = MODELS[truth.benchmark]
    lines = [
        f"{host(-900)} session: m-session-start-id[20240322151619]",
        f"{host(-900)} parser: m-bmark-run-name[ML Energy 1.0.1]-code[ulp-ml]",
        f"{host(-890)} parser: m-version[3.0.10]",
        f"{host(-880)} emon: m-regfile-fn[x]-type[emon]-name[lpm01a]",
        f"{host(-870)} emon: m-voltage-mv[{truth.voltage_mv}]",
        f"{host(-500)} io: [dut]: m-model-[{model}]",
        f"{host(-10)} emon: m-trace[on]",
        f'{host(0)} parser: Command "io dut timestamp"',
    ]
    for number, ((start, stop), count) in enumerate(zip(truth.windows, truth.iterations, strict=True)):
        lines += [
            f'{host(start - 1300)} parser: Command "bloadp "C:\\x\\tst_{number:06d}_a_{number}.bin""',
            f'{host(start - 200)} parser: Command "io dut infer {count} 1"',
            f"{host(start - 150)} io: [dut]: m-warmup-start-1",
            f"{host(start - 30)} io: [dut]: m-warmup-done",
            f"{host(start, 0.004 + 0.001 * (number % 2))} io: [dut]: m-infer-start-{count}",
            f"{host(stop, 0.027 - 0.001 * (number % 3))} io: [dut]: m-infer-done",
            f"{host(stop, 0.090)} io: [dut]: m-results-[0.1,0.9]",
        ]
    end = truth.edges[-1]
    lines += [
        f"{host(samples - 400)} emon: m-trace[off]",
        f"{host(end + 2000)} session: m-session-stop-id[20240322151619]",
        f"{host(end + 2000)} session: Saved this run to session ID 20240322151619",
    ]
    return "\n".join(lines)


def eembc_energy_results(truth: Truth, samples: np.ndarray) -> str:
    stamp = f"{host(truth.edges[-1] + 2015)} ulp-ml: "
    lines: list[str] = []
    costs, speeds = [], []
    for number, ((start, stop), count) in enumerate(
        zip(truth.windows, truth.iterations, strict=True), start=1
    ):
        energy, power = eembc_window(samples, start, stop)
        costs.append(energy / count)
        lines += [
            f"Energy data for window {2 * number} at time {start / 1000:.2f} "
            f"for {(stop - start) / 1000:.2f} sec.:",
            f"  Energy       : {energy:12.3f} uJ",
            f"  Power        : {power:12.3f} uW",
            f"  Energy/Inf.  : {energy / count:12.3f} uJ/inf.",
        ]
    lines += [RULER, f"Median energy cost is {float(np.median(costs)):.3f} uJ/inf.", RULER]
    for number, ((start, stop), count) in enumerate(
        zip(truth.windows, truth.iterations, strict=True), start=1
    ):
        seconds = (stop - start) / 1000
        speeds.append(count / seconds)
        lines += performance_window(2 * number, count, seconds)
    lines += [RULER, f"Median throughput is {float(np.median(speeds)):.3f} inf./sec.", RULER]
    return "\n".join(stamp + line for line in lines)


def performance_window(number: int, count: int, seconds: float) -> list[str]:
    return [
        f"Performance results for window {number}:",
        f"  # Inferences : {count:12d}",
        f"  Runtime      : {seconds:12.3f} sec.",
        f"  Throughput   : {count / seconds:12.3f} inf./sec.",
        "Runtime requirements have been met.",
    ]


def write_eembc_performance(folder: Path, truth: Truth) -> None:
    """log.txt, results.txt, script.async."""
    folder.mkdir(parents=True)
    model = MODELS[truth.benchmark]
    at = 12.0
    log = [
        f"{at:09.3f} session: m-session-start-id[20240322160000]",
        f"{at + 1:09.3f} dut: m-model-[{model}]",
    ]
    lines: list[str] = []
    speeds = []
    for number, (length, count) in enumerate(zip(truth.lengths_ms, truth.iterations, strict=True), start=1):
        took_us = round(length * 1000 / truth.speed) + 137 * number
        start_us = 1_000_000 * round(at) + 411
        log += [
            f'{at + 1.5:09.3f} parser: Command "bload dut "C:\\x\\{model}\\tst_{number:06d}_a_{number}.bin""',
            f'{at + 1.9:09.3f} parser: Command "dut infer {count} 1"',
            f"{at + 2:09.3f} dut: m-infer-start-{count}",
            f"{at + 2.001:09.3f} dut: m-lap-us-{start_us}",
            f"{at + 2.002 + took_us / 1e6:09.3f} dut: m-lap-us-{start_us + took_us}",
            f"{at + 2.003 + took_us / 1e6:09.3f} dut: m-infer-done",
            f"{at + 2.010 + took_us / 1e6:09.3f} dut: m-results-[0.1,0.9]",
        ]
        at += 3 + took_us / 1e6
        lines += performance_window(2 * number, count, took_us / 1e6)
        speeds.append(count / (took_us / 1e6))
    lines += [RULER, f"Median throughput is {float(np.median(speeds)):.3f} inf./sec.", RULER]
    log.append(f"{at:09.3f} session: m-session-stop-id[20240322160000]")
    (folder / "log.txt").write_text("\n".join(log))
    (folder / "results.txt").write_text("\n".join(f"{at + 0.014:09.3f} ulp-mlperf: {line}" for line in lines))
    (folder / "script.async").write_text("[]\n")


@cache
def scores(benchmark: str, wrong: int) -> list[tuple[str, int, list[float]]]:
    """Name, class and scores of each file of the whole set; ``wrong`` of them are answered wrongly."""
    classes, files = LABELS.get(benchmark, 10), FILES[benchmark]
    rng = np.random.default_rng(classes)
    rows = []
    for number in range(files):
        label = number % classes
        values = rng.uniform(0, 0.3, classes)
        values[(label + 1) % classes if number < wrong else label] = 1.0
        name = f"tst_{number:06d}_word_{label}.bin" if benchmark == "kws" else f"input_{number:06d}.bin"
        rows.append((name, label, [round(float(value), 3) for value in values]))
    return rows


@cache
def figures_of(benchmark: str, wrong: int) -> tuple[float, float, float]:
    """Top-1, the exact AUC, and the one from thresholds."""
    rows = scores(benchmark, wrong)
    return top_1(rows), exact_auc(rows), stepped_auc(rows)


def top_1(rows: list[tuple[str, int, list[float]]]) -> float:
    """Percent of the files whose highest score is their class's."""
    return 100 * sum(values.index(max(values)) == label for _, label, values in rows) / len(rows)


def exact_auc(rows: list[tuple[str, int, list[float]]]) -> float:
    """Mean over the classes of the share of pairs ranked rightly, with scores divided by their sum."""
    areas = []
    for one in range(len(rows[0][2])):
        shares = [(label == one, values[one] / sum(values)) for _, label, values in rows]
        yes, no = ([value for hit, value in shares if hit is wanted] for wanted in (True, False))
        areas.append(sum((a > b) + 0.5 * (a == b) for a in yes for b in no) / (len(yes) * len(no)))
    return float(np.mean(areas))


def stepped_auc(rows: list[tuple[str, int, list[float]]]) -> float:
    """The same from a hundred thresholds and raw scores, as the EEMBC runner does it."""
    areas = []
    for one in range(len(rows[0][2])):
        yes, no = (
            [values[one] for _, label, values in rows if (label == one) is wanted] for wanted in (True, False)
        )
        points = [(1.0, 1.0)] + [
            (sum(v > step / 100 for v in no) / len(no), sum(v > step / 100 for v in yes) / len(yes))
            for step in range(1, 101)
        ]
        areas.append(sum((a[0] - b[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points)))
    return float(np.mean(areas))


def write_eembc_accuracy(folder: Path, benchmark: str = "kws", wrong: int = 40) -> None:
    folder.mkdir(parents=True)
    rows = scores(benchmark, wrong)
    log = [
        "00010.000 session: m-session-start-id[20240322170000]",
        f"00010.500 dut: m-model-[{MODELS[benchmark]}]",
    ]
    at = 11.0
    for name, _, values in rows:
        log += [
            f'{at:09.3f} parser: Command "bload dut "C:\\x\\{name}""',
            f'{at + 0.1:09.3f} parser: Command "dut infer 1 0"',
            f"{at + 0.2:09.3f} dut: m-infer-start-1",
            f"{at + 0.3:09.3f} dut: m-infer-done",
            f"{at + 0.4:09.3f} dut: m-results-[{','.join(f'{value:.3f}' for value in values)}]",
        ]
        at += 0.5
    log.append(f"{at:09.3f} session: m-session-stop-id[20240322170000]")
    (folder / "log.txt").write_text("\n".join(log))
    results = [
        f"{at + 0.02:09.3f} ulp-mlperf: Top-1: {figures_of(benchmark, wrong)[0]:.1f}%",
        f"{at + 0.03:09.3f} ulp-mlperf: AUC: {figures_of(benchmark, wrong)[2]:.2f}",
    ]
    (folder / "results.txt").write_text("\n".join(results))
    (folder / "script.async").write_text("[]\n")


def write_mlcommons_energy(folder: Path, truth: Truth) -> None:
    """log.txt, results.txt, results.json; trials after each other, the first with a boot edge."""
    folder.mkdir(parents=True)
    samples = truth.samples_uj * 1e-6
    entries, results, log = [], ["Power Edition Output"], _head(truth, "20260401_120000")
    costs, begin, event, second = [], 0, 0, 0
    for number, ((start, stop), count) in enumerate(zip(truth.windows, truth.iterations, strict=True)):
        end = stop + 60 + number
        marks = ([20] if number == 0 else []) + [start - begin, stop - begin]
        events = [[f"{event + at:02d}", mark] for at, mark in enumerate(marks)]
        event += len(marks)
        inside = sum(samples[start:stop].tolist())
        costs.append(inside * 1e6 / count)
        entries.append(
            _entry(truth, number, count)
            | {
                "power": {
                    "samples": samples[begin:end].tolist(),
                    "timestamps": events,
                    "extracted_power": None,
                    "voltage": truth.voltage_mv / 1000,
                },
                "mode": "e",
            }
        )
        results += [
            f"Energy data for trial {number}",
            f"  Elapsed time  : {stop / 1000 - start / 1000!r}",
            f"  Inferences    : {count}",
            f"  Power         : {inside / ((stop - start) / 1000) * 1e3:.4f} mW.",
            f"  Total Energy  : {inside * 1e6:.3f} uJ",
            f"  Energy/Inf    : {inside * 1e6 / count:.3f} uJ/inf",
        ]
        log += _trial(truth, number, count, second, (stop - start) / 1000)
        log.append(f"Captured samples:{end - begin} timestamps:{len(marks)}")
        second += round((stop - start) / 1000) + 2
        begin = end
    results += [RULER, f"Median energy cost is {float(np.median(costs)):.4f} uJ/inf.", RULER]
    log += [*(line.strip() for line in results), "Session logged in file sessions\\20260401_120000\\log.txt"]
    _write(folder, log, results, entries)


def write_mlcommons_performance(folder: Path, truth: Truth) -> None:
    folder.mkdir(parents=True)
    entries, results, log = [], [], _head(truth, "20260401_110000")
    speeds, second = [], 0
    for number, (length, count) in enumerate(zip(truth.lengths_ms, truth.iterations, strict=True)):
        took = round(length * 1000 / truth.speed) + 137 * number
        seconds = took * 1e-6
        entry = _entry(truth, number, count) | {"mode": "p"}
        entry["infer"] |= {
            "start_time": 5_000_000 + number,
            "end_time": 5_000_000 + number + took,
            "elapsed_time": took,
            "throughput": count / seconds,
        }
        entries.append(entry)
        speeds.append(count / seconds)
        results += [
            f"Performance results for window {number + 1}",
            f"    # Inferences : {count}",
            f"    Runtime: {seconds:.6f} sec.",
            f"    Throughput: {count / seconds!r} inf./sec.",
            "    Runtime requirements have been met.",
        ]
        log += _trial(truth, number, count, second, seconds)
        second += round(seconds) + 2
        log += [
            f"{_at(second)} Performance results for window {number + 1}:",
            f"{_at(second)}   # Inferences : {count:12d}",
            f"{_at(second)}   Runtime      : {seconds:10.3f} sec.",
            f"{_at(second)}   Throughput   : {count / seconds:10.3f} inf./sec.",
            f"{_at(second)}   m-results    : [0.1, 0.9]",
        ]
    results += [
        f"{_at(second)} {RULER}",
        f"{_at(second)} Median throughput is {float(np.median(speeds)):10.3f} inf./sec.",
        f"{_at(second)} {RULER}",
    ]
    _write(folder, log, results, entries)


def write_mlcommons_accuracy(folder: Path, benchmark: str = "kws", wrong: int = 40) -> None:
    folder.mkdir(parents=True)
    truth = Truth(benchmark=benchmark)
    rows = scores(benchmark, wrong)
    entries, log = [], _head(truth, "20260401_100000")
    for number, (name, label, values) in enumerate(rows):
        entries.append(
            {
                "file": name,
                "classes": str(len(values)),
                "class": str(label),
                "infer": {"results": values, "total_inferences": 1, "iterations": 1, "warmups": 0},
                "mode": "a",
            }
        )
        log += [
            f"{_at(number)} Loading file {name} segment 0",
            "Running inference with 0/1 (warmup/measured) iterations ...",
            "done",
        ]
    results = [
        f"{_at(len(rows))} Top 1% = {figures_of(benchmark, wrong)[0]:.1f}",
        f"{_at(len(rows))} AUC = {figures_of(benchmark, wrong)[1]:.3f}",
    ]
    _write(folder, [*log, *results], results, entries)


def write_streaming(folder: Path, missed: int = 6, false: int = 4) -> None:
    """An sww run: fifty wake words, the first of which are missed."""
    folder.mkdir(parents=True)
    words = [(20.0 * (number + 1), 20.0 * (number + 1) + 0.8) for number in range(50)]
    detections = [97.0, *(97 + 1000 * (start + 0.5) for start, _ in words[missed:])]
    detections = sorted([*detections, *(97 + 1000 * (20.0 * (number + 1) + 10) for number in range(false))])
    starts = [0.032 * number for number in range(1, 40)]
    entry = {
        "file": "long_wav.wav",
        "infer": {
            "wav_file": "long_wav.wav",
            "length_sec": 1200.0,
            "detection_windows": words,
            "detections": detections,
            "iterations": 1,
        },
        "dutycycle": {
            "duty_cycle": 0.3125,
            "period": 0.032,
            "processing_time": 0.01,
            "start_times_s": starts,
            "stop_times_s": [one + 0.01 for one in starts],
        },
    }
    results = [
        f"Accuracy: {50 - missed} True positives, {missed} False negatives, {false} False positives",
        "Average duty cycle: 0.31250",
        "Average period: 0.032000 s",
        "Estimated throughput: 100.000 inf./sec.",
    ]
    _write(
        folder,
        [*_head(Truth(), "20260401_090000")[:-1], "Device model retrieved: sww01", *results],
        results,
        [entry],
    )


def _write(folder: Path, log: list[str], results: list[str], entries: list) -> None:
    (folder / "log.txt").write_text("\n".join(log) + "\n")
    (folder / "results.txt").write_text("\n".join(results) + "\n")
    (folder / "results.json").write_text(json.dumps(entries))


def _head(truth: Truth, session: str) -> list[str]:
    return [
        f"Logging initialized. Writing output to sessions\\{session}\\log.txt",
        "Device name retrieved: acme",
        f"Device model retrieved: {MODELS[truth.benchmark]}",
    ]


def _entry(truth: Truth, number: int, count: int) -> dict:
    return {
        "file": f"tst_{number:06d}_word_{number}.bin",
        "classes": "12",
        "class": str(number),
        "infer": {"results": [0.1, 0.9], "total_inferences": 1, "iterations": count, "warmups": 1},
    }


def _at(second: int) -> str:
    return f"0401.12{second // 60:02d}{second % 60:02d} ulp-mlperf:"


def _trial(truth: Truth, number: int, count: int, second: int, seconds: float) -> list[str]:
    return [
        f"{_at(second)} Loading file tst_{number:06d}_word_{number}.bin segment 0",
        f"{_at(second + 1)} Load complete.",
        f"Running inference with 1/{count} (warmup/measured) iterations ...",
        "done",
    ]


def write_system(submission: Path, system: str = "board", status: str = "available") -> None:
    """systems/<system>.json."""
    (submission / "systems").mkdir(parents=True, exist_ok=True)
    (submission / "systems" / f"{system}.json").write_text(
        json.dumps({"Status": status, "system_name": system})
    )


def eembc_submission(root: Path, truth: Truth | None = None) -> Path:
    """v1.2/closed/acme with kws in three modes by the EEMBC runner; returns the benchmark's folder."""
    truth = truth or Truth()
    submission = root / "v1.2" / "closed" / "acme"
    folder = submission / "results" / "board" / truth.benchmark
    write_eembc_energy(folder / "energy", truth)
    write_eembc_performance(folder / "performance", truth)
    write_eembc_accuracy(folder / "accuracy", truth.benchmark)
    write_system(submission)
    return folder


def mlcommons_submission(root: Path, truth: Truth | None = None, round_name: str = "v1.4") -> Path:
    """v1.4/closed/acme with kws in three modes by the MLCommons runner; returns the benchmark's folder."""
    truth = truth or Truth()
    submission = root / round_name / "closed" / "acme"
    folder = submission / "results" / "board" / truth.benchmark
    write_mlcommons_energy(folder / "energy", truth)
    write_mlcommons_performance(folder / "performance", truth)
    write_mlcommons_accuracy(folder / "accuracy", truth.benchmark)
    write_system(submission)
    return folder
