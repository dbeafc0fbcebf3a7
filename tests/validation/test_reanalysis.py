"""Archives analysed again: what differs, the same bits whoever computes them, lost workers, stores."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import psutil
import pytest
from distributed import Client, LocalCluster

import energy.validation.spread as spread
import joulebench as jb
from energy.benchmark.inputs import synthetic_inputs
from energy.benchmark.limits import WINDOWS
from energy.benchmark.workloads import WORKLOADS
from energy.cli.main import main
from energy.errors import BenchError, RecordingError, UsageError
from energy.session.outcome import Plan
from energy.session.run import run_session
from energy.validation.reanalysis import Reanalysed, reanalyse, reanalyse_recording
from energy.validation.spread import gathered, spread_over
from energy.validation.stores import name_within, recordings_in
from tests.conftest import ROOT
from tests.session.support import virtual

SOUND = ("2024/a", "2024/b", "2025/c", "d")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Sound sessions, a result that was changed, a recording that was cut off, a damaged session."""
    workload = WORKLOADS["ad01"]
    plan = Plan(virtual(), workload, "energy", synthetic_inputs(workload, WINDOWS))
    made = tmp_path_factory.mktemp("made") / "session"
    run_session(plan, made, lambda part, doing: None)
    root = tmp_path_factory.mktemp("archive")
    for name in (*SOUND, "changed", "cut", "damaged", "without"):
        shutil.copytree(made, root / name)
    result = root / "changed/result.json"
    document = json.loads(result.read_text(encoding="utf-8"))
    document["session"]["joule_per_inference"]["exact"]["median"] *= 1.001
    result.write_text(json.dumps(document), encoding="utf-8")
    trace = root / "cut/trace.arrow"
    with trace.open("r+b") as file:
        file.truncate(trace.stat().st_size // 2)
    (root / "damaged/session.json").write_text("{", encoding="utf-8")
    (root / "without/result.json").unlink()
    (root / "without/manifest.json").unlink()
    (root / "notes").mkdir()
    return root


@pytest.fixture(scope="module")
def alone(archive):
    return reanalyse(str(archive))


def results(done):
    return [row.result for row in done.rows]


def slowly(archive: str, name: str) -> Reanalysed:
    """The task, with time for a worker to be lost."""
    time.sleep(0.5)
    return reanalyse_recording(archive, name)


def test_what_differs_is_told_from_what_does_not(alone, archive):
    rows = {row.path: row for row in alone.rows}
    assert {row.path: row.status for row in alone.rows} == dict.fromkeys(SOUND, "same") | {
        "changed": "differs",
        "cut": "differs",
        "damaged": "failed",
        "without": "no result",
    }
    changed, sound = rows["changed"], rows["d"]
    assert changed.stated["joule_per_inference"] == pytest.approx(
        1.001 * sound.now["joule_per_inference"], rel=1e-12
    )
    assert changed.now == sound.now == sound.stated
    assert changed.digest == sound.digest == rows["without"].digest
    assert "session.joule_per_inference.exact.median" in changed.differences[0]
    assert "session.altered" in rows["cut"].appeared
    assert rows["cut"].digest != sound.digest
    assert rows["damaged"].error.startswith("session.damaged")
    assert sound.size == sum(path.stat().st_size for path in (archive / "d").rglob("*") if path.is_file())
    assert not alone.sound


@pytest.mark.drivers
def test_two_workers_give_the_same_bits_and_listen_on_loopback_alone(alone, archive):
    heard: set[str] = set()
    before = set(psutil.Process().children(recursive=True))

    def listen(done: int, total: int, name: str) -> None:
        for process in {psutil.Process(), *psutil.Process().children(recursive=True)} - before:
            for connection in process.net_connections("inet"):
                if connection.status == psutil.CONN_LISTEN:
                    heard.add(connection.laddr.ip)

    both = reanalyse(str(archive), spread_over(None, 2), listen)
    assert results(both) == results(alone)
    assert heard == {"127.0.0.1"}


@pytest.mark.drivers
def test_a_worker_that_is_killed_in_the_middle_changes_nothing(alone, archive):
    names = recordings_in(str(archive))[0]
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
        ) as cluster,
        Client(cluster) as client,
    ):
        victim = next(iter(client.run(os.getpid).values()))

        def kill(done: int, total: int, name: str) -> None:
            if done == 1:  # the others are at work, or wait
                os.kill(victim, signal.SIGKILL)

        rows, notes = gathered(client, slowly, str(archive), names, kill)
        assert not psutil.pid_exists(victim) or psutil.Process(victim).status() == psutil.STATUS_ZOMBIE
    assert [row.result for row in sorted(rows, key=lambda row: row.path)] == results(alone)
    assert len(notes) == 1
    assert notes[0].startswith("workers lost: ")  # a busy machine may lose more than the victim


@pytest.mark.drivers
def test_a_store_gives_the_same_bits_as_its_folder_in_this_process_and_in_workers(alone, archive):
    memory = fsspec.filesystem("memory")
    memory.put(f"{archive}/", "/lab/2025/", recursive=True)
    try:
        assert results(reanalyse("memory://lab/2025")) == results(alone)
    finally:
        memory.rm("/lab", recursive=True)
    assert results(reanalyse(f"file://{archive}", spread_over(None, 2))) == results(alone)


@pytest.fixture
def bucket(monkeypatch):
    """The address of a server of S3 on loopback, its process, and a client."""
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], stderr=subprocess.PIPE, text=True
    )
    try:
        address = next(
            found[1] for line in server.stderr if (found := re.search(r"Running on (http://[\d.:]+)", line))
        )
        for name, value in (("ENDPOINT_URL", address), ("ACCESS_KEY_ID", "a"), ("SECRET_ACCESS_KEY", "b")):
            monkeypatch.setenv(f"AWS_{name}", value)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        for name in ("SHARED_CREDENTIALS", "CONFIG"):  # of whoever runs the tests
            monkeypatch.setenv(f"AWS_{name}_FILE", os.devnull)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        yield server, fsspec.filesystem("s3")
    finally:
        server.kill()
        server.communicate()
        fsspec.get_filesystem_class("s3").clear_instance_cache()


@pytest.mark.drivers
def test_an_object_store_in_a_network_gives_the_same_bits_and_its_loss_is_an_error(
    alone, archive, bucket, monkeypatch
):
    server, store = bucket
    store.mkdir("lab")
    store.put(f"{archive}/", "lab/2025/", recursive=True)
    assert results(reanalyse("s3://lab/2025")) == results(alone)
    assert results(reanalyse("s3://lab/2025", spread_over(None, 2))) == results(alone)
    with pytest.raises(RecordingError, match=r"no-such-bucket.*store\.unreadable"):
        reanalyse("s3://no-such-bucket/2025")
    server.kill()
    server.wait()
    store.invalidate_cache()
    with pytest.raises(RecordingError, match=r"EndpointConnectionError.*store\.unreadable"):
        reanalyse("s3://lab/2025")
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.delenv(f"AWS_{name}")
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    with pytest.raises(RecordingError, match=r"NoCredentialsError.*store\.unreadable"):
        reanalyse("s3://lab/2025")


def test_names_of_a_store_lead_nowhere_else():
    assert name_within("/lab/2025", "/lab/2025/a/trace.arrow") == "a/trace.arrow"
    assert name_within("bucket/lab", "bucket/lab/trace.arrow") == "trace.arrow"
    for name in ("lab/../../etc/passwd", "lab/a\\b", "lab", "lab/c:/x", "lab/\0"):
        with pytest.raises(RecordingError, match=r"store\.name"):
            name_within("lab", name)


def test_a_store_that_is_not_there_or_not_known_is_an_error(tmp_path):
    for address, code in (("nosuch://x", r"store\.unknown"), (str(tmp_path / "no"), r"path\.missing")):
        with pytest.raises(UsageError, match=code):
            reanalyse(address)


def test_workers_of_another_version_are_refused(archive, monkeypatch):
    monkeypatch.setattr(spread, "__version__", "0.0.0-other")
    with pytest.raises(UsageError, match=r"cluster\.version"):
        reanalyse(str(archive), spread_over(None, 2))


def test_a_scheduler_that_does_not_answer_is_an_error(archive, monkeypatch):
    monkeypatch.setattr(spread, "_WORKERS_S", 1.0)
    with pytest.raises(BenchError, match=r"cluster\.unreachable"):
        reanalyse(str(archive), spread_over("tcp://127.0.0.1:9", 1))
    with pytest.raises(UsageError, match=r"cluster\.workers"):
        spread_over(None, 0)


def test_a_scheduler_without_workers_is_given_up(archive, monkeypatch):
    monkeypatch.setattr(spread, "_WORKERS_S", 1.0)
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster,
        pytest.raises(BenchError, match=r"cluster\.no-workers"),
    ):
        reanalyse(str(archive), spread_over(cluster.scheduler_address, 1))


def test_without_dask_one_process_does_it_and_more_are_refused(archive):
    script = (
        "import sys; sys.modules['dask'] = sys.modules['distributed'] = sys.modules['fsspec'] = None; "
        "from energy.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "reanalyse"]
    for words, status, shown in (
        ([str(archive / "2024")], 0, "2 as stated"),
        ([str(archive), "--workers", "2"], 2, "cluster.no-dask"),
        (["memory://lab"], 2, "store.no-fsspec"),
    ):
        done = subprocess.run([*command, *words], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stderr
        assert shown in done.stdout + done.stderr


def test_on_the_command_line_and_in_python(archive, alone, capsys):
    assert main(["reanalyse", str(archive)]) == 1
    shown = capsys.readouterr().out
    assert "8 recordings: 4 as stated, 2 not as stated, 1 without a result, 1 cannot be read" in shown
    assert "2024/a" not in shown
    assert main(["reanalyse", str(archive / "2024"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["recordings"]
    assert [row["path"] for row in rows] == ["a", "b"]
    again = jb.reanalyse(archive)
    assert [row.result for row in again] == results(alone)
    table = again.to_dataframe().set_index("path")
    assert table.loc["changed", "status"] == "differs"
    assert Path(again.done.archive) == archive
