"""Jetperch's own code as the oracle: unpacking and calibration of a JS110, and the recorder to JLS."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from drivers.joulescope.twin.js110_packets import SAMPLES_PER_PACKET, Calibration, packets
from drivers.joulescope.twin.signals import Signals
from drivers.virtual.bench import VirtualBench
from drivers.virtual.misreading import Misreading
from energy.instruments import Deadline
from tests.conftest import ROOT

COUNT = 126 * 1600
"""A tenth of a second at 2 MS/s."""


def calibration_file() -> Path:
    """The calibration that comes along with the package."""
    package = Path(importlib.util.find_spec("joulescope").origin).parent
    return package / "v0/test/calibration_01.dat"


@pytest.fixture(scope="module")
def calibration():
    """Offsets and gains, read from the file's JSON, not with the package's reader."""
    text = re.search(rb'\{"version".*?\}\}', calibration_file().read_bytes(), re.DOTALL).group()
    said = json.loads(text)
    return Calibration(
        np.array(said["current"]["offset"][:7]),
        np.array(said["current"]["gain"][:7]),
        np.array(said["voltage"]["offset"]),
        np.array(said["voltage"]["gain"]),
    )


@pytest.fixture(scope="module")
def world_samples():
    """Current, voltage and levels of a DUT that boots: three states, two ranges, two pulses."""
    with VirtualBench(monitor=None, workload="ad01") as bench:
        bench.world.supply.switch(True)
        bench.world.run(150_000_000)
        signals = Signals(bench.world, bench.world.now_ns, 0.0, 1, (10.0,), Misreading())
        bench.dut.pin.watchers.append(lambda width_ns: signals.pulse(width_ns, bench.dut.pin))
        bench.world.run(COUNT * 500)
        assert len(bench.world.falling_ns) == 1
        current = signals.current(0, COUNT).astype(float)
        voltage = signals.voltage(0, COUNT).astype(float)
        levels = np.unpackbits(signals.levels(0, COUNT), count=COUNT, bitorder="little").astype(bool)
    current[50_000:60_000] = np.geomspace(1e-6, 1e-3, 10_000)  # and through the sensitive ranges
    return current, voltage, levels


def through_the_package(folder, made):
    """What the legacy driver makes of packets."""
    np.save(folder / "packets.npy", made)
    out = folder / "out.npz"
    arguments = [folder / "packets.npy", calibration_file(), out]
    subprocess.run(
        [sys.executable, "-m", "tests.monitors.joulescope_v0", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "JOULESCOPE_BACKEND": "0"},
        check=True,
        timeout=60,
        capture_output=True,
    )
    return np.load(out)


def test_the_packages_own_unpacking_and_calibration_give_back_what_the_world_drew(
    tmp_path, calibration, world_samples
):
    current, voltage, levels = world_samples
    words = calibration.words(current, voltage, levels, voltage_range=0)
    got = through_the_package(tmp_path, packets(words))
    count = len(got["current"])
    assert count >= COUNT - 126 * 64
    number = calibration.ranges(current)[:count]
    assert np.array_equal(got["current_range"], number)
    assert len(set(number.tolist())) >= 3
    assert np.array_equal(got["current_lsb"], levels[:count])
    # 14 bits: rounding is half a step, the level in place of the lowest bit is one more; then float32.
    step_a, step_v = calibration.current_gain[number], calibration.voltage_gain[0]
    assert np.all(np.abs(got["current"] - current[:count]) <= 1.5 * step_a * (1 + 1e-3))
    assert np.all(np.abs(got["voltage"] - voltage[:count]) <= 0.5 * step_v * (1 + 1e-3))
    assert got["missing"] == 0


def test_ten_lost_packets_are_1260_samples_to_the_package(tmp_path, calibration, world_samples):
    words = calibration.words(*world_samples)
    made = packets(words)
    kept = np.concatenate([made[:700], made[710:]])
    got = through_the_package(tmp_path, kept)
    missing = np.isnan(got["current"])
    assert got["missing"] == 1260
    assert np.flatnonzero(missing).tolist() == list(range(700 * SAMPLES_PER_PACKET, 710 * SAMPLES_PER_PACKET))
    assert np.array_equal(missing, np.isnan(got["voltage"]))


def test_a_value_that_14_bits_do_not_hold_is_refused(calibration):
    with pytest.raises(ValueError, match="14 bits"):
        calibration.words(np.array([20.0]), np.array([1.8]), np.array([True]))
    with pytest.raises(ValueError, match="14 bits"):
        calibration.words(np.array([0.01]), np.array([5.0]), np.array([True]), voltage_range=1)


def test_jetperchs_recorder_takes_the_twins_messages_and_its_file_holds_the_worlds_energy(tmp_path):
    """``pyjoulescope_driver.Record`` and pyjls read all that they need from the messages."""
    from pyjls import Reader
    from pyjoulescope_driver import Record

    with VirtualBench(monitor="joulescope") as bench:
        driver = bench.given["monitor"]["make_driver"]()
        path = bench.urls["monitor"]
        driver.open(path, "defaults")
        record = Record(driver, path, signals="current,voltage,gpi[0]")
        file = str(tmp_path / "twin.jls")
        record.open(file)
        begin = bench.clock.now()
        Deadline(bench.clock, 1.0)
        bench.clock.sleep(1.0)
        record.close()
        assert bench.clock.now() >= begin + 1.0
        with Reader(file) as reader:
            signals = {signal.name: signal for signal in reader.signals.values()}
            assert signals["current"].sample_rate == 1_000_000
            assert signals["gpi[0]"].sample_rate == 2_000_000
            first = max(signals[name].sample_id_offset for name in ("current", "voltage"))
            stop = min(
                signals[name].sample_id_offset + signals[name].length for name in ("current", "voltage")
            )
            parts = [
                reader.fsr(signals[name].signal_id, first - signals[name].sample_id_offset, stop - first)
                for name in ("current", "voltage")
            ]
        energy_j = float(np.dot(*(part.astype(np.float64) for part in parts))) / 1e6
        # The twin's counter was at 40e9 when the world began (sample ids of 2 MHz, so 20e9 samples).
        start_s, stop_s = ((at - 20_000_000_000) / 1e6 for at in (first, stop))
        true_j = bench.world.handle({"op": "truth", "start_s": start_s, "stop_s": stop_s})["energy_j"]
        assert stop - first > 900_000
        assert abs(energy_j / true_j - 1) < 1e-6
