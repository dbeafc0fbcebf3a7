"""A sweep over temperature in a chamber: a real socket on the far end, which warms up and cools down."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from energy.characterize.plan import load_sweep
from energy.characterize.sweep import open_sweep, run_sweep
from energy.errors import BenchError, UsageError
from tests.links.scpi_peer import ScpiPeer

K_PER_S = 200.0


class Air:
    """The air of a chamber, which moves at a constant rate to its setting."""

    def __init__(self, *, stuck_at: float | None = None, deaf: bool = False) -> None:
        self.setting, self._from, self._since = 23.0, 23.0, time.monotonic()
        self.settings: list[float] = []
        self.stuck_at, self.deaf = stuck_at, deaf

    @property
    def celsius(self) -> float:
        moved = (time.monotonic() - self._since) * K_PER_S
        target = self.setting if self.stuck_at is None else self.stuck_at
        return self._from + max(-moved, min(moved, target - self._from))

    def __call__(self, line: str) -> bytes:
        if line.startswith("TEMP:SETP "):
            self._from, self._since = self.celsius, time.monotonic()
            self.setting = self.setting if self.deaf else float(line.split()[1])
            self.settings.append(self.setting)
            return b""
        return {
            "TEMP:SETP?": b"%.1f\n" % self.setting,
            "TEMP?": b"%.2f\n" % self.celsius,
            "SYST:ERR?": b'0,"No error"\n',
            "*IDN?": b"MAKER,CHAMBER,1,1\n",
        }.get(line, b"")


def plan_of(peer: ScpiPeer, celsius: list[float], **more: Any) -> dict[str, Any]:
    chamber = {"port": peer.resource, "lowest_c": -40, "highest_c": 90, "tolerance_c": 0.5, "soak_s": 0.2,
               "timeout_s": 5.0, **more}  # fmt: skip
    axes = {"temperature_c": {"values": celsius, "chamber": True}, "workload": ["kws01"]}
    return {"schema": "joulebench.sweep/1", "name": "chamber", "axes": axes, "chamber": chamber}


def measured(plan: dict[str, Any], folder: Any) -> Any:
    return run_sweep(open_sweep(load_sweep(plan), folder), lambda done, doing, left_s: None)


def test_a_point_is_measured_once_the_air_has_its_temperature(tmp_path):
    air = Air()
    with ScpiPeer(air) as peer:
        run = measured(plan_of(peer, [60.0, 0.0]), tmp_path / "out")
    assert air.settings == [60.0, 0.0]
    for done, celsius in zip(run.finished, (60.0, 0.0), strict=True):
        assert done.row["verdict"] == "valid", done.row
        reached = float(str(done.moves[0]["answer"]).split()[0])
        assert reached == pytest.approx(celsius, abs=0.5)
        session = json.loads((run.folder / done.row["folder"] / "energy/session.json").read_text())
        assert session["ambient_c"] == celsius
    # Leakage: the virtual board in it is at the same temperature.
    assert run.rows[0]["joule_per_inference"] > 1.01 * run.rows[1]["joule_per_inference"]


def test_a_temperature_that_is_never_reached_fails_its_point_with_the_reading(tmp_path):
    with ScpiPeer(Air(stuck_at=41.0)) as peer:
        run = measured(plan_of(peer, [60.0], timeout_s=0.5), tmp_path / "out")
    assert run.rows[0]["verdict"] == "failed"
    assert run.rows[0]["error"].startswith("sweep.chamber: the chamber reads 41 °C after ")


def test_a_chamber_that_does_not_take_a_setting_fails_its_point(tmp_path):
    with ScpiPeer(Air(deaf=True)) as peer:
        run = measured(plan_of(peer, [60.0]), tmp_path / "out")
    assert run.rows[0]["error"].startswith("chamber.readback: ")


def test_a_temperature_beyond_the_chamber_is_refused_before_it_is_opened():
    with ScpiPeer(Air()) as peer, pytest.raises(UsageError, match="-40 to 90 °C") as caught:
        load_sweep(plan_of(peer, [20.0, 95.0]))
    assert caught.value.code == "sweep.limits"
    assert peer.connections == 0


def test_a_chamber_that_is_not_there_or_has_another_setting_is_an_error(tmp_path):
    with ScpiPeer(Air()) as peer:
        plan = plan_of(peer, [20.0], settings={"sett": "TEMP {c}"})
        with pytest.raises(BenchError, match="sett") as caught:
            measured(plan, tmp_path / "a")
        assert caught.value.code == "chamber.setting"
        gone = plan_of(peer, [20.0])
    with pytest.raises(BenchError) as caught:
        measured(gone, tmp_path / "b")
    assert caught.value.code.startswith("visa.")
