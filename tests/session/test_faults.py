"""Every fault of the virtual bench, and what comes of it: the right code, the supply off, a folder."""

from __future__ import annotations

import json

import pytest

from drivers.virtual import environment
from energy.errors import BenchError, UsageError
from energy.recording.store import Recording
from tests.session.support import Watcher, virtual, watcher

__all__ = ["watcher"]

PILOTS = 2
"""ad01 takes two pilots, so the trials are the `infer` commands 2, 3, 4, ..."""


def run_and_fail(watcher: Watcher, *faults) -> BenchError:
    with pytest.raises(BenchError) as caught:
        watcher.run(virtual(faults=list(faults)), "ad01")
    error = caught.value
    assert watcher.states[-1]["supply_on"] is False
    session = watcher.session
    assert session["state"] == "failed"
    assert session["error"]["code"] == error.code
    assert session["error"]["hint"] == error.hint
    assert len(error.hint) > 20
    if (watcher.folder / "session" / "trace.arrow").exists():
        recording = Recording(watcher.folder / "session")
        assert recording.virtual
        assert not [finding for finding in recording.findings if finding.code == "recording.unclosed"]
    assert (watcher.folder / "session" / "manifest.json").exists()
    return error


def run_and_recover(watcher: Watcher, code: str, *faults, trial: int = 1):
    """A session whose trial is repeated once and that is valid in the end."""
    outcome = watcher.run(virtual(faults=list(faults)), "ad01")
    assert outcome.valid, outcome.findings
    rejected = watcher.session["rejected"]
    assert [attempt["trial"] for attempt in rejected] == [trial]
    assert code in [finding["code"] for finding in rejected[0]["findings"]]
    assert all(finding["evidence"] and finding["remedy"] for finding in rejected[0]["findings"])
    assert watcher.states[-1]["supply_on"] is False
    return outcome


def test_a_silent_dut_is_named_with_its_wires(watcher):
    error = run_and_fail(watcher, "silent-dut")
    assert error.code in ("dut.silent", "dut.no-boot")
    assert "TX" in error.hint
    assert "RX" in error.hint


def test_a_dut_that_falls_silent_in_a_trial_is_named(watcher):
    error = run_and_fail(watcher, ("silent-dut", {"infer": PILOTS, "delay_s": 3.0}))
    assert error.code in ("dut.silent", "dut.incomplete")
    assert watcher.session["iterations"]


def test_a_wrong_baud_rate_is_told_from_silence(watcher):
    error = run_and_fail(watcher, "wrong-baud")
    assert error.code in ("dut.garbled", "dut.silent")
    assert "baud" in error.hint


@pytest.mark.parametrize("xor", [0x80, 0x40, 0x20, 0x7F])
def test_a_garbled_byte_in_the_monitor_s_stream_is_found(watcher, xor):
    fault = ("garbled-bytes", {"port": "monitor", "xor": xor, "infer": PILOTS, "delay_s": 4.0})
    outcome = run_and_recover(watcher, "window.samples-missing", fault)
    assert Recording(outcome.folder).gaps


def test_a_lost_byte_in_the_monitor_s_stream_is_found(watcher):
    fault = ("lost-bytes", {"port": "monitor", "infer": PILOTS, "delay_s": 4.0})
    outcome = run_and_recover(watcher, "window.samples-missing", fault)
    assert Recording(outcome.folder).gaps


def test_a_missing_edge_invalidates_only_its_own_trial(watcher):
    fault = ("missing-edge", {"infer": PILOTS + 2, "which": "start"})
    outcome = run_and_recover(watcher, "edge.count", fault, trial=3)
    assert [trial.attempt for trial in outcome.trials] == [1, 1, 2, 1, 1]


def test_a_doubled_edge_invalidates_only_its_own_trial(watcher):
    run_and_recover(watcher, "edge.count", ("doubled-edge", {"infer": PILOTS, "which": "stop"}))


def test_a_bouncing_edge_within_the_hold_time_is_one_edge_and_is_reported(watcher):
    fault = ("bouncing-edge", {"infer": PILOTS, "which": "start"})
    outcome = watcher.run(virtual(faults=[fault]), "ad01")
    assert outcome.valid
    assert watcher.session["rejected"] == []


def test_a_pulse_too_short_to_be_seen_names_the_sampling_as_the_cause(watcher):
    run_and_recover(watcher, "edge.count", ("short-pulse", {"infer": PILOTS, "which": "start"}))
    evidence = watcher.session["rejected"][0]["findings"][0]["evidence"]
    assert "1 edges instead of 2" in evidence
    assert "samples every 1 ms" in evidence


def test_edges_that_never_come_are_found_before_anything_is_measured(watcher):
    faults = [("missing-edge", {"edge": number}) for number in range(4)]
    error = run_and_fail(watcher, *faults)
    assert error.code == "edge.not-seen"
    assert "D7" in error.hint


@pytest.mark.parametrize("command", ["infer", "db load", "profile"])
def test_an_error_answer_of_the_dut_is_passed_on_with_its_text(watcher, command):
    fault = ("error-answer", {"port": "dut", "command": command, "text": "e-[planted]"})
    error = run_and_fail(watcher, fault)
    assert error.code == "dut.error-answer"
    assert "planted" in error.message


@pytest.mark.parametrize("command", ["freq", "output", "trigdelay", "eventsrc", "volt", "start", "pwr on"])
def test_a_command_that_the_monitor_refuses_is_named(watcher, command):
    fault = ("error-answer", {"port": "monitor", "command": command, "text": "planted refusal"})
    error = run_and_fail(watcher, fault)
    assert error.code == "lpm01a.refused"
    assert command.split(" ")[0] in error.message


def test_an_overcurrent_stop_is_the_error_and_not_the_silence_that_follows_it(watcher):
    error = run_and_fail(watcher, ("overcurrent-stop", {"infer": PILOTS, "delay_s": 2.0}))
    assert error.code == "bench.current"
    assert watcher.session["state"] == "failed"


def test_dropped_samples_make_a_gap_of_their_number_and_the_trial_is_repeated(watcher):
    fault = ("dropped-samples", {"count": 100, "infer": PILOTS + 1, "delay_s": 5.0})
    outcome = run_and_recover(watcher, "window.samples-missing", fault, trial=2)
    gaps = Recording(outcome.folder).gaps
    assert sum(gap.count or 0 for gap in gaps) in range(100, 1101)


def test_samples_dropped_between_trials_invalidate_none(watcher):
    fault = ("dropped-samples", {"count": 5, "infer": 0, "delay_s": 1.2})
    outcome = watcher.run(virtual(faults=[fault]), "ad01")
    assert outcome.valid
    assert Recording(outcome.folder).gaps


def test_a_brown_out_in_mid_window_is_a_reset(watcher):
    error = run_and_fail(watcher, ("brown-out", {"infer": PILOTS, "delay_s": 4.0}))
    assert error.code == "dut.reset"
    assert "supply" in error.hint.lower()


@pytest.mark.parametrize("port", ["io", "monitor"])
def test_an_unplugged_port_is_named(watcher, port):
    error = run_and_fail(watcher, ("unplugged-port", {"port": port, "infer": PILOTS, "delay_s": 2.0}))
    assert error.code == "link.unplugged"
    assert watcher.states[-1]["supply_on"] is False  # a monitor without its USB powers nothing
    if port == "monitor":
        assert {failed["action"] for failed in watcher.session["at_the_end"]} >= {"supply off"}


def test_a_trial_that_is_never_valid_ends_the_session_with_each_reason_kept(watcher):
    faults = [("missing-edge", {"infer": PILOTS + number, "which": "stop"}) for number in range(6)]
    error = run_and_fail(watcher, *faults)
    assert error.code == "trial.never-valid"
    rejected = watcher.session["rejected"]
    assert [attempt["attempt"] for attempt in rejected] == [1, 2, 3, 4]


def test_firmware_of_the_other_mode_is_refused(watcher, monkeypatch):
    class WrongMode(environment.VirtualBench):
        def __init__(self, board, workload, mode, **settings):
            super().__init__(board, workload, "performance", **settings)

    monkeypatch.setattr(environment, "VirtualBench", WrongMode)
    error = run_and_fail(watcher)
    assert error.code == "dut.wrong-mode"


def test_a_voltage_that_the_monitor_cannot_give_is_refused_before_the_output_is_touched(watcher):
    with pytest.raises(BenchError) as caught:
        watcher.run(virtual(voltage_v=1.2), "ad01")
    assert caught.value.code == "bench.voltage"
    lines = [json.loads(line) for line in (watcher.folder / "session" / "log.jsonl").read_text().splitlines()]
    assert not [line for line in lines if line["sent"] and line["text"].startswith(("volt", "pwr on"))]


def test_a_fault_that_is_not_known_is_wrong_usage(watcher):
    with pytest.raises(UsageError, match=r"virtual\.fault"):
        watcher.run(virtual(faults=["no-such-fault"]), "ad01")
    watcher.folder = watcher.folder / "other"
    with pytest.raises(UsageError, match=r"virtual\.settings"):
        watcher.run(virtual(no_such_setting=1), "ad01")


@pytest.mark.parametrize(
    "settings",
    [
        *({"faults": "missing-edge"}, {"transport": "pigeon"}, {"block_s": -1}, {"ppm": "a"}, {"ppm": 1e9}),
        *({"gain": "2 %"}, {"gain": -1.0}, {"offset_a": float("nan")}, {"voltage_gain": True}, {"serial": 7}),
        {"faults": [["misreading", {"gain": "2 %"}]]},
    ],
)
def test_a_setting_of_the_wrong_kind_is_wrong_usage(watcher, settings):
    with pytest.raises(UsageError, match=r"virtual\.settings"):
        watcher.run(virtual(**settings), "ad01")


def test_two_edges_that_are_none_of_a_window_do_not_make_the_next_one_last_for_hours(watcher):
    faults = [
        ["doubled-edge", {"infer": 3, "which": "start"}],
        ["missing-edge", {"infer": 3, "which": "stop"}],
    ]
    outcome = watcher.run(virtual(faults=faults), "kws01")
    assert outcome.valid
    session = watcher.session
    (rejected,) = session["rejected"]
    assert rejected["findings"][0]["code"] == "window.too-short"
    assert len(set(session["iterations"])) == 1
