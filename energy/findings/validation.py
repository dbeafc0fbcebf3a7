"""Findings about what submissions print and what their evidence gives (mlperf-tiny.md 3)."""

from __future__ import annotations

from energy.findings.rule import Rule, rule

VALIDATION: dict[str, Rule] = {
    "accuracy.below-target": rule(
        "error",
        "The quality of the answers is below the target of the closed division.",
        "Results in the closed division must reach the target, or they cannot be compared.",
        "Use a better model, or submit to the open division.",
    ),
    "accuracy.differs": rule(
        "error",
        "A printed accuracy differs from the one recomputed from the stored answers.",
        "The published number does not follow from its evidence.",
        "Check that results and answers come from one session.",
    ),
    "accuracy.not-recomputable": rule(
        "info",
        "The accuracy cannot be recomputed: the answers or their true classes are missing.",
        "The printed number cannot be checked.",
        "Keep the log or results.json of the accuracy run.",
    ),
    "accuracy.partial": rule(
        "error",
        "The files hold the answers to a part of the validation set only.",
        "The rules ask for every input: the printed accuracy does not follow from a part of the answers, and "
        "no verdict on it is given.",
        "Add the whole log or results.json of the accuracy run.",
    ),
    "artefact.copied": rule(
        "error",
        "The same log, trace or results lie under different systems or benchmarks.",
        "One measurement cannot be evidence for two results.",
        "Put the files of each session where they belong, or measure again.",
    ),
    "artefact.resubmitted": rule(
        "warning",
        "The same log, trace or results lie in two rounds, under the same system and benchmark.",
        "They are one measurement, not two that confirm each other.",
        "Nothing, if the rules allow results to be submitted again.",
    ),
    "benchmark.not-in-round": rule(
        "error",
        "The benchmark did not exist in this round.",
        "There are no rules for it.",
        "Submit it to a later round.",
    ),
    "clock.rate-unusual": rule(
        "warning",
        "The monitor's clock runs unusually fast or slow compared with the host's.",
        "Durations, and with them energy and throughput, are wrong by the same factor. In sound sessions it "
        "runs 69 to 195 ppm fast.",
        "Look for lost samples, or for a host whose clock was set during the session.",
    ),
    "edge.lost": rule(
        "error",
        "An edge that the log shows is not among the timestamps.",
        "Every window after it is paired wrongly, and covers a pause instead of inferences.",
        "Measure again; the evidence gives the windows that follow from the log.",
    ),
    "evidence.missing": rule(
        "error",
        "Printed figures cannot be recomputed, although the files that should prove them are there.",
        "The parts of these files that hold the evidence are empty or were removed, so nothing proves the "
        "figures.",
        "Restore log, results and trace from the session.",
    ),
    "file.damaged": rule(
        "error",
        "A file is not of the kind that its name states, or cannot be read.",
        "What it should prove cannot be checked.",
        "Restore it from the session.",
    ),
    "file.not-read": rule(
        "info",
        "A file is larger than joulebench reads, and nothing depends on it.",
        "It is left unread: what it says is not compared with the log.",
        "Nothing.",
    ),
    "file.too-large": rule(
        "error",
        "A file is larger than joulebench reads.",
        "It need not be damaged, but what it should prove is not checked.",
        "Validate the run in parts; a run's own log or results are far smaller.",
    ),
    "ic-two.alone": rule(
        "error",
        "The benchmark ic2 comes without ic.",
        "The rules accept it together with ic only.",
        "Submit ic for the same system.",
    ),
    "log.foreign": rule(
        "error",
        "The log is not the log of a run.",
        "It is empty, damaged or another file: nothing proves when the inferences ran.",
        "Put the log of the session there.",
    ),
    "log.incomplete": rule(
        "warning",
        "The log has fewer inferences than results.txt has windows, though both are of one session.",
        "Lines of the log were lost or garbled: what it shows of the other windows cannot be checked.",
        "Look for damaged lines in the log; copy it again from where it was written.",
    ),
    "log.late-line": rule(
        "warning",
        "The log stamps a line of the DUT at another time than its edge, and the window itself is sound.",
        "The window's length and energy per inference are those of the other windows, so the host was late.",
        "Nothing for this window; look for a busy host if it happens often.",
    ),
    "log.span": rule(
        "error",
        "The windows do not fit into the time that the log leaves for them.",
        "Trace and log are not from the same session, or an edge was lost.",
        "Check that they come from one session.",
    ),
    "model.differs": rule(
        "error",
        "The DUT states another model than that of the folder's benchmark.",
        "The result belongs to another benchmark.",
        "Move the session to the benchmark that it belongs to.",
    ),
    "monitor.over-range": rule(
        "error",
        "The current is above what the monitor is specified for.",
        "An LPM01A measures up to 50 mA in dynamic mode; above, its accuracy is not known.",
        "Lower clock or voltage, or use a monitor with a larger range.",
    ),
    "monitor.peaks": rule(
        "warning",
        "Single samples inside a window are above what the monitor is specified for.",
        "Their accuracy is not known; their share of the energy is small.",
        "Look at them in the picture of the recording.",
    ),
    "result.incomplete": rule(
        "error",
        "results.txt lacks a figure of a window, or prints it in another unit.",
        "The official figures cannot be read from it.",
        "Restore the file from the session.",
    ),
    "result.inconsistent": rule(
        "error",
        "Printed figures do not follow from each other.",
        "At least one of them is wrong.",
        "Restore the file from the session.",
    ),
    "result.no-median": rule(
        "error",
        "results.txt has no line with the median.",
        "The official checker takes the result from this line.",
        "Restore the file from the session.",
    ),
    "result.not-a-number": rule(
        "error",
        "results.txt prints a figure that is NaN or infinite.",
        "Nothing was measured there, so a median that includes it is no figure either.",
        "Look for missing samples of that window in the trace; measure again.",
    ),
    "result.runner-error": rule(
        "warning",
        "The runner states in results.txt that the run is not valid.",
        "The official checker does not look at these lines.",
        "Correct what it names and measure again.",
    ),
    "runner.not-accepted": rule(
        "error",
        "The files were made by a runner that this round does not accept.",
        "The official checker refuses them.",
        "Measure with the other runner.",
    ),
    "samples.few": rule(
        "error",
        "There are fewer samples than the time or the count in the log needs.",
        "Samples are missing somewhere: all later samples are at the wrong time.",
        "Measure again; look for lost data in the monitor's log.",
    ),
    "samples.many": rule(
        "error",
        "There are more samples than the time or the count in the log leaves room for.",
        "Samples that belong to nothing were put between the others, or the rate is wrong: power, durations "
        "and energy are wrong by the same factor.",
        "Look for a second module that was logged, or for what converted the file; measure again.",
    ),
    "samples.frozen": rule(
        "error",
        "The same value repeats for half a second or longer inside a window.",
        "A real current is noisier: the monitor or its driver repeated old samples.",
        "Measure again.",
    ),
    "session.mixed": rule(
        "error",
        "Results and log are not from one complete session: their time stamps, or figures in both, differ.",
        "The log is then no evidence for the figures.",
        "Put log and results of one session there.",
    ),
    "path.not-searched": rule(
        "error",
        "There are more folders than are looked into, so sessions may have been left out.",
        "What was not looked into was not checked.",
        "Name folders further down, one after the other.",
    ),
    "session.unfinished": rule(
        "warning",
        "The session did not finish.",
        "It was interrupted or failed: its figures are those of the trials until then.",
        "Measure again; what was measured can still be looked at.",
    ),
    "throughput.apart": rule(
        "warning",
        "Throughput in energy mode differs by more than 2 % from that in performance mode.",
        "Sound pairs agree within 2 %: clock, model or firmware may differ.",
        "Run both modes with the same firmware and settings.",
    ),
    "throughput.differs": rule(
        "error",
        "Throughput in energy mode differs by more than 5 % from that in performance mode.",
        "The two runs cannot be of the same firmware at the same clock, or one of them is wrong.",
        "Run both modes with the same firmware and settings.",
    ),
    "voltage.disagrees": rule(
        "warning",
        "The script sets another voltage than the log reports.",
        "The voltage of the log is used; an LPM01A multiplies its currents by the voltage that it was set "
        "to.",
        "Keep the script that was used.",
    ),
    "voltage.not-stated": rule(
        "warning",
        "The voltage of an energy run is not recorded.",
        "Energy and the choice of the operating point cannot be judged without it.",
        "Let the runner ask the monitor (`emon voltage`), or note it in results.json.",
    ),
    "voltage.out-of-range": rule(
        "error",
        "The voltage is outside the range that the monitor supplies.",
        "An LPM01A supplies 1.8 to 3.3 V.",
        "Check the log; use another supply where another voltage is needed.",
    ),
    "voltage.unsteady": rule(
        "warning",
        "The voltage differs by more than 2 % between trials.",
        "A measured voltage varies by only a few millivolts.",
        "Look for a supply at its limit, or for trials of different sessions.",
    ),
    "window.unlike-log": rule(
        "error",
        "A window begins or ends more than 30 ms from the place of its inferences in the log.",
        "Its edges are not those of the inferences. In sound sessions the difference is at most 6 ms.",
        "Check that trace and log come from one session; measure again.",
    ),
    "window.unlike-rest": rule(
        "warning",
        "A window's throughput or mean power differs by more than 5 % from the median of all windows.",
        "Something other than the inference changed, or one of its edges is wrong.",
        "Look at the windows' pictures.",
    ),
}
