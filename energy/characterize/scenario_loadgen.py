"""MLCommons' LoadGen as the sender of queries, in a process of its own.

A process, because LoadGen cannot be ended before its time: after a fault of the bench it is killed, and the
bench is left at once. Both sides speak lines of JSON. To this side: ``{"ready": version}``,
``{"issue": ids}`` for a query, ``{"ended": true}``; to the other: an empty line to begin, then the ids of
answered queries. Latencies are those of LoadGen's own log.
"""

from __future__ import annotations

import json
import queue
import re
import subprocess
import sys
import threading
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any, Final

from energy.characterize.arrivals import Load
from energy.characterize.scenario_queries import Query, Served, System, Tell
from energy.errors import BenchError

SUMMARY_NAME: Final = "mlperf_log_summary.txt"
DETAIL_NAME: Final = "mlperf_log_detail.txt"
TRACE_NAME: Final = "mlperf_log_trace.json"
_SCENARIOS = {
    "single-stream": "SingleStream",
    "multiple-stream": "MultiStream",
    "server": "Server",
    "offline": "Offline",
}
_EXPECTED_S = 1e-3
"""Expected latency of a stream. LoadGen makes its queries in advance by it, and sends as many of them as the
shortest duration and the fewest queries ask for: with a short latency there are always enough."""
_NO_BOUND_S = 3600.0
_LOOK_S = 0.02
"""Time between two looks after the bench while no query comes."""
_START_S = 60.0
_SAMPLE = re.compile(r'"query_seq":(\d+),"sample_idx":\d+,"issue_start_ns":-?\d+,"complete_ns":(\d+)')
_VERDICT = re.compile(r"^Result is : (\w+)", re.MULTILINE)


class LoadGenSender:
    """LoadGen, which sends the queries of one run after another.

    Args:
        folder: Its logs go into a folder per run in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs = 0
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._log = folder
        self._version = ""

    def open(self, load: Load) -> None:
        """Starts LoadGen's process and waits until it is ready.

        Raises:
            BenchError: ``scenario.loadgen``.
        """
        self.close()
        self._runs += 1
        self._log = self._folder / f"run-{self._runs}"
        self._log.mkdir(parents=True)
        command = [
            sys.executable,
            "-m",
            "energy.characterize.scenario_loadgen",
            json.dumps(settings_of(load)),
        ]
        self._lines = queue.Queue()
        with (self._log / "stderr.txt").open("w", encoding="utf-8") as errors:
            self._process = subprocess.Popen(
                [*command, str(self._log)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                bufsize=1,
            )
        threading.Thread(target=_read, args=(self._process, self._lines), name="loadgen", daemon=True).start()
        try:
            first = self._lines.get(timeout=_START_S)
        except queue.Empty:
            first = None
        if first is None or "ready" not in first:
            raise self._ended()
        self._version = str(first["ready"])

    def send(self, load: Load, system: System, tell: Tell) -> Served:
        """Lets LoadGen send its queries, and answers each on the bench.

        Raises:
            BenchError: ``scenario.loadgen``; what is wrong with the bench.
        """
        spans: list[tuple[int, float, float]] = []
        self._say("")
        while True:
            try:
                message = self._lines.get(timeout=_LOOK_S)
            except queue.Empty:
                system.clock.wait(0.0)  # the bench is looked after meanwhile
                continue
            if message is None:
                raise self._ended()
            if "ended" in message:
                break
            ids: list[int] = message["issue"]
            begun_s, done_s = system.answer(len(ids))
            self._say(json.dumps(ids))
            spans.append((len(ids), begun_s, done_s))
            tell(min(len(spans) / load.queries, 1.0))
        self._wait()
        return self._served(load, spans)

    def close(self) -> None:
        """Ends LoadGen, whatever it is doing."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()

    def _say(self, line: str) -> None:
        stream = _input_of(self._process)
        try:
            stream.write(line + "\n")
            stream.flush()
        except OSError as error:
            raise self._ended() from error

    def _wait(self) -> None:
        process = self._process
        assert process is not None
        try:
            process.wait(_START_S)
        except subprocess.TimeoutExpired as error:
            raise self._ended() from error

    def _ended(self) -> BenchError:
        self.close()
        try:
            last = (self._log / "stderr.txt").read_text(encoding="utf-8", errors="replace").strip()[-300:]
        except OSError:
            last = ""
        return BenchError(
            "scenario.loadgen",
            f"LoadGen has ended before its time, with {last or 'no message'}",
            f"Its logs are in {self._log}; try `--arrivals own`.",
        )

    def _served(self, load: Load, spans: list[tuple[int, float, float]]) -> Served:
        """The queries with LoadGen's latencies, and its verdict."""
        try:
            trace, summary, detail = (
                (self._log / name).read_text(encoding="utf-8", errors="replace")
                for name in (TRACE_NAME, SUMMARY_NAME, DETAIL_NAME)
            )
        except OSError as error:
            raise BenchError(
                "scenario.loadgen", f"LoadGen's logs cannot be read: {error}", f"Look into {self._log}."
            ) from error
        latencies = latencies_in(trace)
        verdict = _VERDICT.search(summary)
        if len(latencies) != len(spans) or verdict is None:
            raise BenchError(
                "scenario.loadgen",
                f"{len(spans)} queries were answered, and LoadGen's logs have {len(latencies)} latencies and "
                f"{'a' if verdict else 'no'} verdict",
                f"Its logs are in {self._log}.",
            )
        queries = tuple(
            Query(samples, begun_s, done_s, latency_s)
            for (samples, begun_s, done_s), latency_s in zip(spans, latencies, strict=True)
        )
        about = {
            "version": self._version,
            "valid": verdict.group(1) == "VALID",
            "settings": settings_of(load),
            "logs": f"{self._folder.name}/{self._log.name}",
            "results": results_in(detail),
        }
        return Served(queries, about)


def _input_of(process: subprocess.Popen[str] | None) -> IO[str]:
    """The way to a process that was started with one.

    Raises:
        ValueError: If there is none.
    """
    if process is None or process.stdin is None:
        raise ValueError("LoadGen's process has not been started")
    return process.stdin


def settings_of(load: Load) -> dict[str, Any]:
    """LoadGen's settings (``TestSettings``) for a load."""
    bound_ns = round((load.bound_s or _NO_BOUND_S) * 1e9)
    return {
        "scenario": _SCENARIOS[load.scenario],
        "min_query_count": load.queries,
        "min_duration_ms": max(round(load.duration_s * 1e3), 1),
        "single_stream_expected_latency_ns": round(_EXPECTED_S * 1e9),
        "single_stream_target_latency_percentile": load.percentile,
        "multi_stream_expected_latency_ns": round(_EXPECTED_S * 1e9),
        "multi_stream_target_latency_percentile": load.percentile,
        "multi_stream_samples_per_query": load.samples_per_query,
        "server_target_qps": load.rate_hz,
        "server_target_latency_ns": bound_ns,
        "server_target_latency_percentile": load.percentile,
        "offline_expected_qps": load.rate_hz,
        "schedule_rng_seed": load.seed,
        "sample_index_rng_seed": load.seed,
        "qsl_rng_seed": load.seed,
    }


def latencies_in(trace: str) -> list[float]:
    """Latency of each query in s, in order, from LoadGen's trace: that of its last sample.

    Args:
        trace: Text of ``mlperf_log_trace.json``, which is not quite JSON.
    """
    latest: dict[int, int] = {}
    for found in _SAMPLE.finditer(trace):
        number, complete_ns = int(found.group(1)), int(found.group(2))
        latest[number] = max(latest.get(number, 0), complete_ns)
    return [latest[number] * 1e-9 for number in sorted(latest)]


def results_in(detail: str) -> dict[str, Any]:
    """LoadGen's results (``result_...``), from its detailed log: lines of ``:::MLLOG`` and JSON."""
    results: dict[str, Any] = {}
    for line in detail.splitlines():
        with suppress(ValueError):
            entry = json.loads(line.partition(":::MLLOG ")[2])
            key = str(entry.get("key", ""))
            if key.startswith(("result_", "early_stopping_")):
                results[key] = entry.get("value")
    return results


def _read(process: subprocess.Popen[str], lines: queue.Queue[dict[str, Any] | None]) -> None:
    """Puts LoadGen's messages into a queue; None when it has closed the pipe, or it was closed here."""
    with suppress(OSError, ValueError):
        for line in process.stdout or ():
            lines.put(json.loads(line))
    lines.put(None)


def main(arguments: list[str]) -> int:
    """Runs LoadGen: settings as JSON, and the folder of its logs."""
    loadgen: Any = import_module("mlperf_loadgen")  # it comes without types
    settings, folder = json.loads(arguments[0]), arguments[1]
    test = loadgen.TestSettings()
    test.scenario = getattr(loadgen.TestScenario, settings.pop("scenario"))
    test.mode = loadgen.TestMode.PerformanceOnly
    for name, value in settings.items():
        setattr(test, name, value)
    log = loadgen.LogSettings()
    log.log_output.outdir, log.log_output.prefix = folder, "mlperf_log_"
    log.log_output.copy_summary_to_stdout = False
    log.enable_trace = True
    lock = threading.Lock()

    def tell(message: dict[str, Any]) -> None:
        with lock:
            sys.stdout.write(json.dumps(message) + "\n")
            sys.stdout.flush()

    def answers() -> None:
        for line in sys.stdin:
            done = [loadgen.QuerySampleResponse(number, 0, 0) for number in json.loads(line)]
            loadgen.QuerySamplesComplete(done)

    def issue(samples: list[Any]) -> None:
        tell({"issue": [sample.id for sample in samples]})

    def nothing(samples: list[int]) -> None:
        """The input is loaded already."""

    system = loadgen.ConstructSUT(issue, lambda: None)
    library = loadgen.ConstructQSL(1, 1, nothing, nothing)
    tell({"ready": version("mlcommons-loadgen")})
    sys.stdin.readline()
    threading.Thread(target=answers, daemon=True).start()
    loadgen.StartTestWithLogSettings(system, library, test, log, "")
    tell({"ended": True})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
