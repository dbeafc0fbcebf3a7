"""Findings about recordings, sessions and their windows."""

from __future__ import annotations

from energy.findings.rule import Rule, rule

SESSIONS: dict[str, Rule] = {
    "accuracy.incomplete": rule(
        "error",
        "Answers of the DUT hold no usable numbers, so they have no class: the accuracy is of the others.",
        "Inputs that are left out may be the difficult ones: the accuracy says nothing of the whole set.",
        "Look for an overflow in the network's last layer; the answers are in answers.jsonl, null for each.",
    ),
    "clock.contradicted": rule(
        "error",
        "Marks of two clocks contradict each other: no rates and delays within what is stated explain them.",
        "The bounds of edges rest on them: one is wrong, samples were lost, or a clock jumped.",
        "Measure again on an idle host; look for lost samples and a restart of the IO manager.",
    ),
    "clock.host": rule(
        "error",
        "By the host's clock both the monitor and the IO manager run wrong, and they agree with each other.",
        "So the host's clock is the one that is wrong. The windows do not rest on it, but what else it was "
        "used to check, such as lost samples, cannot be trusted.",
        "Look at the host's time service and, in a virtual machine, at its clock source; measure again.",
    ),
    "clock.io-rate": rule(
        "warning",
        "The IO manager's clock runs at another rate than its tolerance allows, by the host's clock.",
        "Windows whose edges it times are wrong by as much as it is not calibrated against the host's clock.",
        "Measure again; if it stays, use another IO manager, or a monitor that sees the edges itself.",
    ),
    "clock.rate": rule(
        "error",
        "The monitor's sample clock runs at another rate than its tolerance allows.",
        "Durations, and with them energy and throughput, are wrong by the factor that is stated.",
        "Check the sample rate that the monitor is set to, its firmware, and whether samples are lost all "
        "the time; a monitor that keeps this rate must be repaired or replaced.",
    ),
    "clock.wrong-start": rule(
        "error",
        "By the host's clock, the edge taken for the monitor's start is not the one that started it.",
        "Every edge from the IO manager's clock is then off by the same time, and the windows with it.",
        "Look for a stray edge before the start; check the wire from the DUT's pin to the monitor's trigger.",
    ),
    "dut.not-a-number": rule(
        "warning",
        "The DUT answered scores that are NaN or infinite; null stands for them in JSON.",
        "Time and energy are measured; the network computes nonsense, as after an overflow.",
        "Look for an overflow in the network's last layer; the session's log has the line that came.",
    ),
    "dut.synthetic-weights": rule(
        "warning",
        "The DUT's network has made-up weights.",
        "Time and energy are those of the network's shapes; its answers, and its accuracy, say nothing.",
        "Build the firmware with trained weights: MODELS=folder of the reference models, in the environment.",
    ),
    "edge.bounce": rule(
        "warning",
        "Edges followed another edge within the hold time and count as part of it.",
        "A bouncing or doubled edge would otherwise open or close a window by itself.",
        "Look at the timestamp pin with a scope; lengthen the DUT's pulse or the hold time.",
    ),
    "edge.count": rule(
        "error",
        "The number of edges is not the number that the windows need.",
        "Pairing then rests on a guess: a lost edge turns pauses into windows.",
        "Check the wire from the DUT's timestamp pin and the width of its pulse, then measure again.",
    ),
    "edge.doubled": rule(
        "error",
        "Two edges are at the very same time.",
        "One of them stands for another edge or for none: pairing then rests on a guess.",
        "Take the timestamps from the original recording, or measure again.",
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
        "There are no samples to integrate there: the trace was cut, or belongs to other timestamps.",
        "Check that trace and timestamps come from one session and are whole.",
    ),
    "edge.stray": rule(
        "warning",
        "Edges came between two trials, where none was expected.",
        "The window is not affected, but somebody else pulls the pin, or the DUT was reset.",
        "Look at the session's log around that time, and at the timestamp pin with a scope.",
    ),
    "edge.unpaired": rule(
        "warning",
        "The last edge has no partner, so no window was made of it.",
        "The recording may have stopped inside a window.",
        "Record on until the closing edge, or say how many edges precede the first window (--leading-edges).",
    ),
    "edge.unsorted": rule(
        "error",
        "Edges are not in the order of time.",
        "Somebody's clock jumped, or the file was edited; windows from sorted edges may be wrong ones.",
        "Take the timestamps from the original recording; in a session, report the monitor's driver.",
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
        "The monitor's own account of the run's energy is not that of its samples.",
        "Samples were lost or changed on their way without a trace, or the time base is wrong.",
        "Measure again; look for a busy USB hub, and update the monitor's firmware and driver.",
    ),
    "record.pairing-doubtful": rule(
        "warning",
        "The DUT drew more between the windows than in them.",
        "Either it does not rest between its inferences, or the recording began in mid-window and pauses "
        "were taken for windows.",
        "Compare lengths with the DUT's own; if they are swapped, leave one more leading edge out.",
    ),
    "recording.digital-damaged": rule(
        "error",
        "The levels of a digital input cannot be read.",
        "Edges that would be found in them are missing; the samples are not affected.",
        "Use a copy of the recording.",
    ),
    "recording.edges-damaged": rule(
        "error",
        "A line of edges.jsonl cannot be read, so edges may be missing.",
        "A lost edge turns pauses into windows.",
        "Compare the session's log with the edges that are left.",
    ),
    "recording.edges-incomplete": rule(
        "warning",
        "The last line of edges.jsonl was cut off and is left out.",
        "The program was killed while it wrote the line: that edge is lost.",
        "Windows whose two edges are there are sound.",
    ),
    "recording.edges-missing": rule(
        "warning",
        "There is no edges.jsonl beside the samples.",
        "Without edges there are no windows.",
        "Copy the recording's whole folder.",
    ),
    "recording.unclosed": rule(
        "warning",
        "The recording was not closed; it was read up to its last whole batch.",
        "The program that wrote it was killed: what it had not yet written is missing.",
        "Windows that ended before the end of the recording are sound.",
    ),
    "result.differs": rule(
        "error",
        "A printed figure is not the one that follows from the trace.",
        "The published number cannot be recomputed from its evidence.",
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
    "session.altered": rule(
        "error",
        "Files of the session are not the ones that its manifest names.",
        "The evidence was changed, damaged or lost after the session: its figures prove nothing.",
        "Take the folder from where it was measured.",
    ),
    "session.no-accuracy": rule(
        "error",
        "No accuracy follows from the answers.",
        "A quality metric needs answers of more than one class.",
        "Take more of the validation set.",
    ),
    "session.no-official-files": rule(
        "warning",
        "The session has no files in the format of the official tools.",
        "Their format holds known figures, and energy in bins of 1 ms, which a slower monitor cannot give.",
        "Measure at 1 kHz or faster if you mean to submit; for what is not known see the other findings.",
    ),
    "session.not-a-number": rule(
        "warning",
        "A value in session.json is NaN or infinite; null stands for it.",
        "An instrument answered no number where one was expected.",
        "Look at what the instrument said in the session's log.",
    ),
    "session.not-five-windows": rule(
        "error",
        "The session does not have exactly five windows.",
        "The rules ask for the median of five.",
        "Measure five trials.",
    ),
    "session.official-files-differ": rule(
        "warning",
        "The official files, read back, did not give the session's figures, so they were removed.",
        "What is published must be what was measured; the session's own figures are not affected.",
        "Please report it with the session's folder: result.json and the recording hold all that is needed.",
    ),
    "session.subset": rule(
        "warning",
        "The session took a part of the validation set only.",
        "Its accuracy is an estimate, and no result: the rules ask for every file.",
        "Leave --limit out.",
    ),
    "session.synthetic-set": rule(
        "info",
        "The validation set is made up.",
        "It shows that the way from input to figure works; the accuracy says nothing of a network.",
        "Name the official files with --datasets.",
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
        "Nothing, if their number is the expected one.",
    ),
    "trace.truncated": rule(
        "error",
        "The trace ends in the middle of a sample.",
        "The file was cut; more than that sample may be missing.",
        "Copy the trace again from where it was recorded.",
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
        "Check the trace's unit and whether the file is whole.",
    ),
    "window.samples-missing": rule(
        "error",
        "Samples inside the window are missing; its energy lacks theirs.",
        "The figure is too low by an unknown amount.",
        "Measure the trial again.",
    ),
    "window.too-short": rule(
        "error",
        "A window is shorter than 10 s.",
        "The rules ask for at least 10 s and at least 10 inferences.",
        "Raise the number of inferences.",
    ),
}
