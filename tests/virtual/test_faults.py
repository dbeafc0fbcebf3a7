from __future__ import annotations

import time

import pytest
import serial

from drivers.virtual.bench import VirtualBench
from drivers.virtual.boards import board_names, load_board
from drivers.virtual.faults import FAULTS
from energy.errors import UsageError
from tests.virtual.host import Host
from tests.virtual.test_lpm01a import Shield


@pytest.fixture
def make():
    opened = []

    def build(*faults, **options):
        bench = VirtualBench(faults=faults, monitor=options.pop("monitor", None), **options)
        host = Host(bench.urls["dut"], bench.clock, 9600)
        opened.extend((host, bench))
        return bench, host

    yield build
    for thing in opened:
        thing.close()


def watched(bench):
    """Times at which pulses arrive, and their widths, in ns."""
    seen = []
    bench.dut.pin.watchers.append(lambda width: seen.append((bench.world.now_ns, width)))
    return seen


def test_every_fault_of_the_list_is_there():
    assert set(FAULTS) >= {
        "silent-dut", "wrong-baud", "garbled-bytes", "lost-bytes", "missing-edge", "doubled-edge",
        "bouncing-edge", "short-pulse", "error-answer", "overcurrent-stop", "dropped-samples", "brown-out",
        "unplugged-port",
    }  # fmt: skip


def test_unknown_faults_and_parameters_are_named():
    with pytest.raises(UsageError, match="'gremlin'"):
        VirtualBench(monitor=None, faults=["gremlin"])
    with pytest.raises(UsageError, match="no parameter colour"):
        VirtualBench(monitor=None, faults=[("silent-dut", {"colour": 1})])
    with pytest.raises(UsageError, match="no monitor"):
        VirtualBench(monitor=None, faults=["overcurrent-stop"])


def test_a_silent_dut_says_nothing(make):
    _, host = make("silent-dut")
    host.write(b"name%")
    assert host.quiet(2.0) == b""


def test_a_dut_at_the_wrong_baud_sends_garbage(make):
    _, host = make("wrong-baud")
    text = host.quiet(1.0)
    assert text
    assert min(text) >= 0x80


def test_bytes_are_garbled_or_lost_where_they_should_be(make):
    _, host = make(("garbled-bytes", {"after": "m-init", "skip": 1, "count": 2}))
    assert host.quiet(1.0) == b"m-timestamp-mode-energy\r\nm-init-\xe4\xefne\r\nm-ready\r\n"
    _, host = make(("lost-bytes", {"port": "dut", "after": "energy", "count": 2}))
    assert host.quiet(1.0) == b"m-timestamp-mode-energym-init-done\r\nm-ready\r\n"


def test_the_monitors_stream_can_be_damaged_too():
    faults = [("lost-bytes", {"port": "monitor", "after": "TimeStamp: 001s", "skip": 30, "count": 3})]
    with VirtualBench(faults=faults, ppm=0.0) as bench:
        shield = Shield(bench.urls["monitor"], bench.clock)
        shield.set_up()
        shield.write(b"start\n")
        text = shield.quiet(2.05).replace(b"\0", b"")
        second = text.split(b"TimeStamp: ")[2]
        lengths = [len(line) for line in second.split(b"\r\n")[1:-1]]
        assert (lengths.count(7), lengths.count(4), len(lengths)) == (999, 1, 1000)
        shield.close()


@pytest.mark.parametrize(
    ("name", "params", "delays"),
    [
        ("missing-edge", {}, []),
        ("doubled-edge", {}, [0, 5_000_000]),
        ("bouncing-edge", {}, [0, 10_000, 20_000, 30_000]),
        ("bouncing-edge", {"bounces": 1, "gap_s": 2e-5}, [0, 20_000]),
        ("short-pulse", {}, [0]),
    ],
)
def test_an_edge_is_disturbed_where_asked_and_the_truth_stays(make, name, params, delays):
    bench, host = make((name, {"infer": 1, "which": "stop", **params}))
    seen = watched(bench)
    host.until("m-ready")
    host.ask("infer 5 0%")
    host.ask("infer 5 0%")
    host.quiet(0.1)
    truth = bench.world.falling_ns
    assert len(truth) == 5
    assert [at for at, _ in seen[:4]] == truth[:4]
    assert [at - truth[4] for at, _ in seen[4:]] == delays
    if name == "short-pulse":
        assert seen[4][1] == 200


def test_an_edge_can_be_named_by_its_number(make):
    bench, host = make(("missing-edge", {"edge": 0}))
    seen = watched(bench)
    host.until("m-ready")
    assert seen == []
    host.ask("timestamp%")
    assert len(seen) == 1


def test_answers_can_be_errors(make):
    _, host = make(("error-answer", {"port": "dut", "command": "infer", "text": "e-[planted]"}))
    host.until("m-ready")
    assert host.ask("infer 10 1%") == ["e-[planted]", "m-ready"]
    assert host.ask("infer 1 0%")[0] == "m-warmup-start-0"
    with VirtualBench(faults=[("error-answer", {"command": "freq", "text": "planted"})]) as bench:
        shield = Shield(bench.urls["monitor"], bench.clock)
        shield.command("htc")
        assert (
            shield.command("freq 1k") == b"\r\nPowerShield > error freq 1k\r\nError detail: planted\r\n\r\n"
        )
        assert shield.command("freq 1k") == b"\r\nPowerShield > ack freq 1k\r\n\r\n"
        shield.close()


@pytest.mark.parametrize("transport", ["pty", "socket"])
def test_an_unplugged_port_fails_at_the_hosts_next_access(make, transport):
    bench, host = make(("unplugged-port", {"at_s": 2.0}), transport=transport)
    host.until("m-ready")
    with pytest.raises(serial.SerialException):  # noqa: PT012
        while bench.clock.now() < 3.0:
            host.poll()
            bench.clock.wait(0.05)
            time.sleep(0.001)


@pytest.mark.parametrize("powered", [False, True])
def test_the_monitors_plug_takes_the_supply_along(powered):
    with VirtualBench(
        faults=[("unplugged-port", {"port": "monitor", "at_s": 1.0, "powered": powered})]
    ) as bench:
        shield = Shield(bench.urls["monitor"], bench.clock)
        shield.set_up()
        shield.write(b"start\n")
        with pytest.raises(serial.SerialException):
            shield.quiet(2.0)
        bench.clock.sleep(1.0)
        assert bench.world.supply.on is powered


def test_boards_cite_where_their_figures_come_from():
    assert len(board_names()) >= 3
    assert "NUCLEO-L4R5ZI" in board_names()
    boards = [load_board(name) for name in board_names()]
    assert {board.name for board in boards if not board.workloads} == {"mps2-an386", "native"}
    for board in (board for board in boards if board.workloads):
        assert set(board.workloads) == {"ad01", "ic01", "kws01", "vww01"}
        for workload, figures in board.workloads.items():
            assert figures.path.startswith(board.source)
            pattern = board.inference(workload)
            assert pattern.period_ns == pytest.approx(1e9 / figures.throughput_ips, abs=1)
            assert pattern.period_energy * 1e-21 == pytest.approx(figures.energy_j, rel=1e-9)
    with pytest.raises(UsageError, match="no-board"):
        load_board("ENIAC")
    with pytest.raises(UsageError, match="no-workload"):
        load_board("gap9").inference("sww01")
