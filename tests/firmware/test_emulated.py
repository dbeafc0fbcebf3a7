"""Real firmware in place of twins: what becomes of it when supplies, programs and hosts fail."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from drivers.emulated import guest, images
from drivers.emulated.io_manager import CycleTime
from drivers.virtual.bench import VirtualBench
from energy.errors import BenchError, UsageError
from tests.conftest import ROOT
from tests.firmware.support import make, needs
from tests.virtual.host import Host

POSIX = {"dut": "posix", "dut_settings": {"scale": 100.0}, "board": "native"}
QEMU = {"dut": "qemu", "board": "mps2-an386"}


@pytest.fixture(params=[POSIX, QEMU], ids=["posix", "qemu"])
def bench(request):
    needs("make", "gcc", "arm-none-eabi-gcc", "qemu-system-arm")
    with VirtualBench(workload="ad01", mode="energy", monitor="lpm01a", **request.param) as bench:
        yield bench


def boot(bench):
    """Supply on, up to the DUT's m-ready."""
    host = Host(bench.urls["dut"], bench.clock, bench.dut.baud)
    bench.world.supply.switch(True)
    return host, host.until("m-ready")


def test_it_boots_when_the_supply_comes_and_is_dead_without(bench):
    host, lines = boot(bench)
    assert lines == ["m-timestamp-mode-energy", "m-init-done", "m-ready"]
    assert host.ask("profile%")[:2] == ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[ad01]"]
    bench.world.supply.switch(False)
    assert bench.dut.state == "off"
    host.write(b"name%")
    assert host.quiet(1.0) == b""
    bench.world.supply.switch(True)
    assert host.until("m-ready")[0] == "m-timestamp-mode-energy"
    host.close()


def test_a_brown_out_in_the_middle_of_inferences_ends_them_and_boots(bench):
    host, _ = boot(bench)
    edges = len(bench.world.falling_ns)
    host.write(b"infer 100 1%")
    assert "m-infer-start-100" in host.until("m-infer-start-100")
    bench.clock.sleep(0.01)
    bench.dut.reset()
    after = host.until("m-ready")
    assert after[:1] == ["m-timestamp-mode-energy"]
    assert not [line for line in after if "results" in line]
    assert len(bench.world.falling_ns) == edges + 2  # the window's start, and the boot mark
    host.close()


def test_what_comes_while_it_is_busy_waits_and_is_answered(bench):
    host, _ = boot(bench)
    host.write(b"infer 2 1%name%")
    first, second = host.until("m-ready"), host.until("m-ready")
    assert "m-infer-done" in first
    assert second[0].startswith("m-name-dut-[joulebench ")
    host.close()


def test_power_follows_the_phases_that_the_firmware_tells(bench):
    host, _ = boot(bench)
    seen = []
    bench.dut.pin.listeners.append(lambda mark: seen.append((mark.cause, bench.world.now_ns)))
    host.write(b"infer 20 1%")
    host.until("m-infer-done")
    (_, start_ns), (_, stop_ns) = seen
    request = {"op": "truth", "start_s": (start_ns + 2_000_000) * 1e-9, "stop_s": stop_ns * 1e-9}
    mean_w = bench.world.handle(request)["energy_j"] / (request["stop_s"] - request["start_s"])
    assert [cause for cause, _ in seen] == ["start", "stop"]
    assert mean_w == pytest.approx(bench.board.inference_w, rel=0.05)
    host.close()


def test_a_firmware_that_dies_is_an_error_and_no_hanging_host():
    needs("make", "gcc")
    make("build/dut/posix-ad01-energy")
    running = guest.process(images.image("dut/posix-ad01-energy", ("gcc",)), 1.0)
    running.exchange(b"")
    children = psutil.Process(running._process.pid).children()
    assert len(children) == 1
    children[0].kill()
    with pytest.raises(BenchError) as caught:
        running.exchange(b"name%")
    assert caught.value.code == "emulator.gone"
    running.close()


def test_emulators_end_with_a_host_that_is_killed():
    needs("make", "gcc", "avr-gcc", "simavr", "arm-none-eabi-gcc", "qemu-system-arm")
    program = (
        "from drivers.virtual.bench import VirtualBench\n"
        "bench = VirtualBench(workload='ad01', monitor=None, dut='qemu', board='mps2-an386', "
        "io_manager='uno-simavr')\n"
        "print('up', flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == b"up\n"
        children = psutil.Process(host.pid).children(recursive=True)
        assert {child.name()[:10] for child in children} >= {"avr-runner", "qemu-syste"}
        os.kill(host.pid, signal.SIGKILL)
        host.wait()
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    assert len(gone) == len(children)


def test_a_missing_emulator_is_named_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BenchError) as caught:
        VirtualBench(workload="ad01", monitor=None, **QEMU)
    assert caught.value.code == "emulator.missing"
    assert "apt-get install qemu-system-arm" in caught.value.hint


def test_a_build_that_fails_says_why():
    needs("make", "gcc")
    with pytest.raises(BenchError) as caught:
        images.image("dut/posix-nosuch-energy", ("gcc",))
    assert caught.value.code == "emulator.build"
    assert "posix-nosuch-energy" in caught.value.message


def test_a_missing_python_package_is_named_and_not_taken_for_a_missing_compiler(monkeypatch, tmp_path):
    needs("make", "gcc")
    python = tmp_path / "python"  # the same interpreter, without the environment's packages
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    sources = tmp_path / "checkout" / "firmware"
    shutil.copytree(images.SOURCES, sources, ignore=shutil.ignore_patterns("build"))
    monkeypatch.setattr(images, "SOURCES", sources)
    monkeypatch.setattr(images.sys, "executable", str(python))
    with pytest.raises(BenchError) as caught:
        images.image("dut/posix-ad01-energy", ("gcc",))
    assert caught.value.code == "emulator.package"
    assert "apt-get" not in caught.value.hint
    assert "make[" not in caught.value.message


def test_a_folder_of_images_that_has_none_is_named(tmp_path):
    with pytest.raises(BenchError) as caught:
        images.image("dut/posix-ad01-energy", ("gcc",), str(tmp_path))
    assert caught.value.code == "emulator.no-image"


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"dut": "fpga"}, "virtual.no-twin"),
        ({"dut": "posix", "answers": {"right": 0.9}, "board": "native"}, "virtual.settings"),
        ({"dut": "posix", "autorun": (5, 1.0), "board": "native"}, "virtual.settings"),
        ({**POSIX, "dut_settings": {"sclae": 20.0}}, "virtual.settings"),
        ({**POSIX, "dut_settings": {"scale": "x"}}, "virtual.settings"),
        ({**POSIX, "dut_settings": {"scale": 0}}, "virtual.settings"),
        ({**QEMU, "dut_settings": {"shift": 99}}, "virtual.settings"),
        ({**QEMU, "dut_settings": {"shift": "4; echo"}}, "virtual.settings"),
        ({"dut": "posix", "board": "GAP9"}, "virtual.no-emulation"),
        ({"board": "mps2-an386"}, "virtual.no-workload"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, code):
    with pytest.raises(UsageError) as caught:
        VirtualBench(workload="ad01", monitor=None, **settings)
    assert caught.value.code == code


def test_cycles_and_nanoseconds_agree_to_a_cycle_and_never_go_back():
    for ppm in (-5000.0, 0.0, 130.0, 5000.0):
        time = CycleTime(ppm)
        rate = 16e6 * (1 + ppm * 1e-6)
        for time_ns in (0, 1, 62, 63, 10**9, 86_400 * 10**9 + 7):
            cycle = time.cycles(time_ns)
            assert cycle == pytest.approx(time_ns * 1e-9 * rate, abs=1, rel=1e-12)
            assert time.time_ns(cycle) <= time_ns + 62
            assert time.cycles(time.time_ns(cycle)) == cycle


def test_a_bench_in_a_process_of_its_own_takes_real_firmware_too():
    needs("make", "gcc", "avr-gcc", "simavr", "arm-none-eabi-gcc", "qemu-system-arm")
    from drivers.virtual.remote import RemoteBench

    with RemoteBench(workload="kws01", monitor=None, io_manager="uno-simavr", **QEMU) as bench:
        host = Host(bench.urls["io"], bench.clock)
        host.quiet(0.6)
        begun = time.monotonic()
        assert host.ask("dut profile%", last="[dut]: m-ready")[3] == "[dut]: m-model-[kws01]"
        assert time.monotonic() - begun < 30
        host.close()


def test_a_firmware_that_hangs_is_told_and_not_waited_for():
    needs("make", "gcc", "avr-gcc", "simavr")
    with VirtualBench(workload="ad01", monitor=None, io_manager="uno-simavr") as bench:
        host = Host(bench.urls["io"], bench.clock)
        host.quiet(0.6)
        host.write(b"selftest watchdog%")
        with pytest.raises(BenchError) as caught:
            host.quiet(5.0)
        assert caught.value.code == "emulator.firmware"
        assert "watchdog" in caught.value.message
        host.close()


@pytest.fixture
def full():
    needs("make", "gcc", "avr-gcc", "simavr", "arm-none-eabi-gcc", "qemu-system-arm")
    with VirtualBench(workload="ad01", monitor="lpm01a", io_manager="uno-simavr", **QEMU) as bench:
        host = Host(bench.urls["io"], bench.clock)
        host.quiet(0.6)
        bench.world.supply.switch(True)
        host.until("[dut]: m-ready")
        yield bench, host
        host.close()


@pytest.mark.parametrize("reset", [False, True])
def test_what_a_dut_was_saying_ends_with_its_power(full, reset):
    bench, host = full
    host.write(b"dut help%")
    host.until("m-ready")
    before = host.quiet(0.08).decode()
    if reset:
        bench.dut.reset()
    else:
        bench.world.supply.switch(False)
    said = before + host.quiet(2.0).decode()
    assert "help" in before
    assert "results" not in said  # the help's last lines
    # The line that was cut is told as such, with what of the boot's first line came right behind it.
    assert "e-[DUT line cut" in said or not reset
    assert [said.count(line) for line in ("[dut]: m-init-done", "[dut]: m-ready")] == [int(reset)] * 2


def test_a_command_in_fragments_is_one_command(full):
    bench, host = full
    bench.dut.answers.append(lambda text: "e-[no]" if text == "name" else None)
    states = set()
    host.write(b"dut name%")
    while b"[dut]: m-ready" not in host.buffer:
        host.quiet_ms = host.poll()
        states.add(bench.dut.state)
        bench.clock.wait(0.001)
    assert b"[dut]: e-[no]\r\n" in host.buffer
    assert "receive" in states


def test_a_dut_at_another_rate_hears_and_says_nothing_sensible(full):
    bench, host = full
    bench.dut.baud = 57600
    host.write(b"dut infer 1 0%")
    host.until("m-ready")
    assert "m-" not in host.quiet(1.0).decode("latin-1").replace("e-[DUT", "")
    assert bench.dut.infers == 0


def test_an_inverted_pin_falls_at_the_end_of_its_pulse(full):
    bench, host = full
    host.ask("tm 0%")
    host.ask("enable-timer%")
    bench.dut.pin.inverted = True
    for _ in range(2):
        assert [line for line in host.ask("dut timestamp%", last="[dut]: m-ready") if "m-lap-us" in line]


def test_each_of_several_commands_that_wait_has_its_own_marks(bench):
    host, _ = boot(bench)
    seen = []
    bench.dut.pin.listeners.append(lambda mark: seen.append((mark.cause, mark.infer)))
    host.write(b"infer 20 1%infer 1 1%timestamp%infer 1 1%")
    for _ in range(4):
        host.until("m-ready")
    pairs = [[("start", k), ("stop", k)] for k in range(3)]
    assert seen == [*pairs[0], *pairs[1], ("timestamp", None), *pairs[2]]
    assert bench.dut.infers == 3
    host.close()


@pytest.mark.parametrize("wrong", [{"supply": "nonsense"}, {"faults": ["nonsense"]}])
def test_a_bench_that_cannot_be_built_leaves_no_emulator_behind(wrong):
    needs("make", "gcc", "avr-gcc", "simavr", "arm-none-eabi-gcc", "qemu-system-arm")
    before = set(psutil.Process().children(recursive=True))
    with pytest.raises(UsageError):
        VirtualBench(workload="ad01", monitor=None, io_manager="uno-simavr", **QEMU, **wrong)
    left = set(psutil.Process().children(recursive=True)) - before
    assert not psutil.wait_procs(left, timeout=5)[1]


def test_an_interrupted_processor_is_not_used_out_of_step():
    needs("make", "gcc", "avr-gcc", "simavr")
    with VirtualBench(workload="ad01", monitor=None, io_manager="uno-simavr") as bench:
        runner = bench.io.runner
        runner.reset(-1)
        with pytest.raises(BenchError, match=r"emulator\.error"):
            runner.run(runner.cycle + 100)
        with pytest.raises(BenchError, match=r"emulator\.gone"):
            runner.run(runner.cycle + 200)
