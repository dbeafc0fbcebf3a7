"""Findings about recordings, sessions and their windows."""

from __future__ import annotations

from energy.findings.rule import Rule, rule

SESSIONS: dict[str, Rule] = {
    "accuracy.incomplete": rule(
        "error",
        "Some answers of the DUT hold no usable numbers and so have no class: the accuracy is that of the "
        "other answers.",
        "The inputs that are left out may be the difficult ones, so this accuracy does not stand for the "
        "whole set.",
        "Look for an overflow in the network's last layer; answers.jsonl holds null for each such answer.",
    ),
    "calibration.beyond": rule(
        "warning",
        "The mean current of the windows is outside the readings that the monitor's certificate holds for.",
        "Its corrections are not applied there: the specification counts, as without a certificate.",
        "Check the monitor with loads around this current (`joulebench calcheck`), and name the new file.",
    ),
    "calibration.in-future": rule(
        "warning",
        "The monitor's calibration certificate is dated after the session.",
        "The date was mistyped, or the host's clock is wrong: then the due date cannot be checked either.",
        "Correct the date in the certificate's file, or the host's clock.",
    ),
    "calibration.overdue": rule(
        "warning",
        "The monitor's calibration was due before the session.",
        "Its corrections were applied, but instruments drift: its uncertainties are no longer those stated.",
        "Have the monitor calibrated, or check it with `joulebench calcheck`, and name the new file.",
    ),
    "clock.contradicted": rule(
        "error",
        "Marks of two clocks contradict each other: no rate and delay within the stated limits explain them.",
        "The bounds of edges depend on these marks: a stated limit is wrong, samples were lost, or a clock "
        "jumped.",
        "Measure again on an idle host; look for lost samples and a restart of the IO manager.",
    ),
    "clock.host": rule(
        "error",
        "Compared with the host's clock, the clocks of both monitor and IO manager are wrong, and the two "
        "agree.",
        "So the host's clock is the wrong one. The windows do not depend on it, but other checks that use "
        "it, such as the check for lost samples, cannot be trusted.",
        "Check the host's time service and, in a virtual machine, its clock source; measure again.",
    ),
    "clock.io-rate": rule(
        "warning",
        "Compared with the host's clock, the IO manager's clock is off by more than its tolerance.",
        "The windows whose edges it times are wrong by the part of this that the host's clock does not "
        "correct.",
        "Measure again; if it is still so, use another IO manager, or a monitor that sees the edges itself.",
    ),
    "clock.rate": rule(
        "error",
        "The monitor's sample clock is off by more than its tolerance.",
        "Durations, and with them energy and throughput, are wrong by the stated factor.",
        "Check the sample rate that the monitor is set to, its firmware, and whether samples are lost all "
        "the time; if the rate stays wrong, have the monitor repaired or use another one.",
    ),
    "clock.wrong-start": rule(
        "error",
        "By the host's clock, the edge taken for the monitor's start is not the one that started it.",
        "Every edge that the IO manager timed is then off by the same time, and the windows with it.",
        "Look for a stray edge before the start; check the wire from the DUT's pin to the monitor's trigger.",
    ),
    "dut.not-a-number": rule(
        "warning",
        "The DUT answered with scores that are NaN or infinite; in JSON they are null.",
        "Time and energy are measured, but the network's results are wrong, as they are after an overflow.",
        "Look for an overflow in the network's last layer; the session's log holds the DUT's line.",
    ),
    "dut.score-count": rule(
        "warning",
        "The DUT's answer holds another number of scores than the workload has, or none.",
        "Time and energy are measured, but the network that ran may be another one.",
        "Check the firmware's model; the session's log holds the DUT's lines.",
    ),
    "dut.synthetic-weights": rule(
        "warning",
        "The DUT's network has made-up weights.",
        "Time and energy are those of the network's shapes; its answers and its accuracy have no meaning.",
        "Build the firmware with trained weights: set MODELS=folder of the reference models in the "
        "environment.",
    ),
    "edge.bounce": rule(
        "warning",
        "Some edges came within the hold time of another edge and count as part of it.",
        "A bouncing or doubled edge would otherwise open or close a window.",
        "Look at the timestamp pin with a scope; lengthen the DUT's pulse or the hold time.",
    ),
    "edge.count": rule(
        "error",
        "The number of edges is not the number that the windows need.",
        "Pairing is then a guess: after a lost edge, pauses are taken for windows.",
        "Check the wire from the DUT's timestamp pin and the width of its pulse, then measure again.",
    ),
    "edge.doubled": rule(
        "error",
        "Two edges are at exactly the same time.",
        "One of them is an extra edge, or another edge is missing: pairing is then a guess.",
        "Take the timestamps from the original recording, or measure again.",
    ),
    "edge.long-pulse": rule(
        "error",
        "The DUT's pin is low for much longer than a mark needs.",
        "It is held during the work or between, so its falling edges are no marks: windows from one falling "
        "edge to the next hold work and pause together.",
        "Set `dut.marker` in the bench file to `high` or `low` for a pin that is held during the work; else "
        "check whether the pin is inverted.",
    ),
    "edge.negative": rule(
        "error",
        "An edge lies before the first sample.",
        "There are no samples to integrate there.",
        "Check which clock the timestamps were taken from.",
    ),
    "edge.past-end": rule(
        "error",
        "An edge lies after the last sample.",
        "There are no samples to integrate there: the trace was cut, or the timestamps are those of another "
        "trace.",
        "Check that trace and timestamps come from one session and are complete.",
    ),
    "edge.stray": rule(
        "warning",
        "Edges came between two trials, where none was expected.",
        "The windows are not affected, but something else pulls the pin, or the DUT was reset.",
        "Look at the session's log around that time, and at the timestamp pin with an oscilloscope.",
    ),
    "edge.unpaired": rule(
        "warning",
        "The last edge has no partner, so it makes no window.",
        "The recording may have stopped inside a window.",
        "Record until the closing edge has come, or give the number of edges before the first window "
        "(--leading-edges).",
    ),
    "edge.unsorted": rule(
        "error",
        "Edges are not in the order of time.",
        "Somebody's clock jumped, or the file was edited; windows from sorted edges may be wrong ones.",
        "Take the timestamps from the original recording; in a session, report the monitor's driver.",
    ),
    "import.no-edges": rule(
        "warning",
        "A file of a monitor's own program holds no edges of the DUT's pin, so there are no windows.",
        "The energy of the whole file is not that of the work: pauses and boot are in it.",
        "Name the line with --marker-line; if none was recorded, wire the DUT's pin to one and record again.",
    ),
    "iterations.disagree": rule(
        "error",
        "Two records of the same session give different numbers of inferences.",
        "Energy per inference is wrong by their ratio if the wrong one is used.",
        "Check that log, results and trace come from one session.",
    ),
    "iterations.unknown": rule(
        "warning",
        "The number of inferences per window is not known, so there is energy per window only.",
        "Without it there is neither energy per inference nor throughput.",
        "Put the session's log or results file beside the trace, or give --iterations N.",
    ),
    "monitor.energy-differs": rule(
        "error",
        "The monitor's own figure for the run's energy differs from the energy of its samples.",
        "Samples were lost or changed on the way and nothing shows it, or the time base is wrong.",
        "Measure again; look for a busy USB hub, and update the monitor's firmware and driver.",
    ),
    "record.pairing-doubtful": rule(
        "warning",
        "The DUT drew more between the windows than in them.",
        "Either the DUT does not rest between its inferences, or the recording began in the middle of a "
        "window and pauses were taken for windows.",
        "Compare the lengths of the windows with those that the DUT should have; if windows and pauses are "
        "swapped, leave out one more leading edge.",
    ),
    "result.differs": rule(
        "error",
        "A printed figure differs from the one recomputed from the trace.",
        "The published number does not follow from its evidence.",
        "Check that results and trace come from one session.",
    ),
    "samples.gap": rule(
        "warning",
        "The monitor lost samples.",
        "Their energy is unknown; a window with a gap is not valid.",
        "Lower the rate, shorten the cable or hub chain, close other programs; then measure again.",
    ),
    "samples.not-finite": rule(
        "error",
        "Samples are NaN or infinite; they count as missing.",
        "A monitor or a converter lost them; their energy is unknown.",
        "Measure again; look for lost data in the monitor's log.",
    ),
    "samples.zeros": rule(
        "error",
        "Samples inside a window are exactly 0 between samples that are not.",
        "The capacitors of a board do not let its current stop between two samples: the zeros stand for "
        "samples that were lost, and the energy is too low.",
        "Measure again; look for lost data in the monitor's log, and for what converted the file.",
    ),
    "session.altered": rule(
        "error",
        "Files of the session differ from what its manifest lists.",
        "The evidence was changed, damaged or lost after the session, so its figures prove nothing.",
        "Copy the folder again from where it was measured.",
    ),
    "session.no-accuracy": rule(
        "error",
        "No accuracy can be computed from the answers.",
        "A quality metric needs answers of more than one class.",
        "Use more of the validation set.",
    ),
    "session.no-official-files": rule(
        "warning",
        "The session has no files in the format of the official tools.",
        "That format has no place for unknown figures, and needs energy in bins of 1 ms, which a slower "
        "monitor cannot give.",
        "To submit, measure at 1 kHz or faster; if a figure is unknown, see the other findings.",
    ),
    "session.edges-restored": rule(
        "warning",
        "Edges of trials are not in the edge log; they were taken from session.json.",
        "The session was interrupted before it wrote them; they lie where it had put them until then.",
        "If the places of the edges matter, measure again.",
    ),
    "session.recovered": rule(
        "warning",
        "The session was interrupted, and finished later from its folder.",
        "What a session compares at its very end was not compared: the clocks by all marks, the monitor's "
        "own energy; idle stretch and floors may be missing.",
        "The figures are those of its closed windows. Measure again where the missing checks matter.",
    ),
    "session.not-a-number": rule(
        "warning",
        "A value in session.json was NaN or infinite; null is written in its place.",
        "An instrument gave no number where one was expected.",
        "Look at the instrument's answers in the session's log.",
    ),
    "session.not-recovered": rule(
        "error",
        "The interrupted session cannot be finished from its folder.",
        "Too few of its windows had closed, or what is left of its files does not hold them.",
        "Measure again; the windows that had closed can be looked at with `joulebench integrate`.",
    ),
    "session.not-five-windows": rule(
        "error",
        "The session does not have exactly five windows.",
        "The rules ask for the median of five.",
        "Measure five trials.",
    ),
    "session.official-files-differ": rule(
        "warning",
        "The official files were read back and did not give the session's figures, so they were removed.",
        "What is published must be what was measured; the session's own figures are not affected.",
        "Please report it with the session's folder: result.json and the recording hold all that is needed.",
    ),
    "session.subset": rule(
        "warning",
        "The session used only a part of the validation set.",
        "Its accuracy is an estimate and not a result: the rules ask for every file.",
        "Measure without --limit.",
    ),
    "session.synthetic-set": rule(
        "info",
        "The validation set is made up.",
        "It shows that everything from input to figure works; the accuracy itself has no meaning.",
        "Give the official files with --datasets.",
    ),
    "spread.large": rule(
        "error",
        "Energy per inference scatters by more than 1 % (relative standard deviation).",
        "Published sessions lie below 0.9 %: something other than the inference changed between windows.",
        "Look at the windows' pictures for other activity, a drifting supply or a warming DUT.",
    ),
    "spread.raised": rule(
        "warning",
        "Energy per inference scatters by more than 0.5 % (relative standard deviation).",
        "Nine of ten published sessions lie below 0.24 %.",
        "Look at the windows' pictures for other activity, a drifting supply or a warming DUT.",
    ),
    "timestamps.unused": rule(
        "info",
        "Edges before the first window are not part of any window.",
        "A boot edge and the one of the `timestamp` command are expected there.",
        "Nothing, if there are as many as expected.",
    ),
    "trace.truncated": rule(
        "error",
        "The trace ends in the middle of a sample.",
        "The file was cut; more than that sample may be missing.",
        "Copy the trace again from where it was recorded.",
    ),
    "supply.not-off": rule(
        "warning",
        "The DUT draws its current through the monitor although the supply confirms that it is off.",
        "The energies are those of the DUT. But this supply may not be the one that powers it.",
        "Find out which output powers the DUT, and whether the supply's answer is about that output.",
    ),
    "voltage.assumed": rule(
        "info",
        "The supply voltage was assumed and not measured.",
        "The monitor samples current alone: energy is wrong by the same part as the voltage is.",
        "Measure the voltage at the DUT, or use a supply that measures (`supply.settings.measure`).",
    ),
    "voltage.off": rule(
        "error",
        "The measured supply voltage differs by more than 1 % from that of the bench file (2 % where each "
        "sample holds the voltage).",
        "The supply sags or is set wrong: the DUT ran at another voltage than stated. Where the monitor "
        "samples current alone, the energy is wrong by the same part.",
        "Check supply, wires and contacts; correct dut.voltage_v if the DUT is meant to run at that voltage.",
    ),
    "window.edges-shifted": rule(
        "error",
        "Windows of few and of many inferences show that each window is longer or shorter than its "
        "inferences.",
        "An edge is early or late in every window: the figures are wrong by the same part each time.",
        "Have the firmware move its pin right before the first inference and right after the last.",
    ),
    "window.empty": rule(
        "error",
        "A window has no length.",
        "Its two edges are at the same time: an edge was doubled or lost.",
        "Check the timestamp pin and the pairing of edges.",
    ),
    "window.few-iterations": rule(
        "error",
        "A window holds fewer than 10 inferences.",
        "The rules ask for at least 10 s and at least 10 inferences.",
        "Raise the number of inferences.",
    ),
    "window.implausible-power": rule(
        "error",
        "Mean power in the window is negative, or above 1 kW.",
        "No monitor that joulebench knows can supply that: samples are damaged or in another unit.",
        "Check the unit of the trace and whether the file is complete.",
    ),
    "window.idle-inside": rule(
        "error",
        "A window begins or ends with a stretch in which the DUT draws its idle power instead of that of its "
        "inferences.",
        "The edge is early or late: idle time counts as inference, or inferences are left out.",
        "Look at the window's picture; have the firmware move its pin right before the first inference and "
        "right after the last.",
    ),
    "window.no-energy": rule(
        "error",
        "Inferences ran in a window that holds no energy, or no more than the monitor's offset makes.",
        "The DUT takes its power from elsewhere (its USB cable, a debug probe, its signal wires), or the "
        "monitor does not measure.",
        "Unplug every other supply of the board; `joulebench doctor` finds what powers it.",
    ),
    "window.not-kept": rule(
        "error",
        "Samples of the window came, and the recording does not keep them: its energy cannot be computed.",
        "The figure that is shown here lacks their energy.",
        "Use the figures that the session stated when it was measured, or record with `--keep full`.",
    ),
    "window.samples-missing": rule(
        "error",
        "Samples inside the window are missing, and so is their energy.",
        "The figure is too low by an unknown amount.",
        "Measure the trial again.",
    ),
    "window.unlike-lines": rule(
        "error",
        "The windows are longer or shorter than the time between the DUT's lines about their inferences.",
        "An edge is early or late in every window, or the windows are those of other inferences.",
        "Look at the windows' pictures; compare the trace's times with those of the log.",
    ),
    "window.too-short": rule(
        "error",
        "A window is shorter than 10 s.",
        "The rules ask for at least 10 s and at least 10 inferences.",
        "Raise the number of inferences.",
    ),
}
