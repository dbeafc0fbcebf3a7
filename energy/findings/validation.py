"""Findings about what submissions print and what their evidence gives (mlperf-tiny.md 3)."""

from __future__ import annotations

from energy.findings.rule import Rule, rule

VALIDATION: dict[str, Rule] = {
    "accuracy.below-target": rule(
        "error",
        "The quality of the answers is below the target of the closed division.",
        "Results of the closed division below it are not comparable.",
        "Use a better model, or submit to the open division.",
    ),
    "accuracy.differs": rule(
        "error",
        "A printed accuracy is not the one that follows from the stored answers.",
        "The published number cannot be recomputed from its evidence.",
        "Check that results and answers come from one session.",
    ),
    "accuracy.not-recomputable": rule(
        "info",
        "The accuracy cannot be recomputed: the answers or their true classes are not at hand.",
        "The printed number has to be believed.",
        "Keep the log or results.json of the accuracy run.",
    ),
    "artefact.copied": rule(
        "error",
        "The same log, trace or results lie under different systems or benchmarks.",
        "One measurement cannot be evidence for two.",
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
        "The monitor's clock runs unusually fast or slow against the host's.",
        "Durations, and with them energy and throughput, are wrong by as much. In sound sessions it runs "
        "69 to 195 ppm fast.",
        "Look for lost samples, or for a host whose clock was set during the session.",
    ),
    "edge.lost": rule(
        "error",
        "An edge that the log shows is not among the timestamps.",
        "Every window after it is paired wrongly, and covers a pause instead of inferences.",
        "Measure again; the evidence says what the windows would be by the log.",
    ),
    "file.damaged": rule(
        "error",
        "A file is not what its name says, or cannot be read as that.",
        "What it should show cannot be checked.",
        "Restore it from the session.",
    ),
    "ic-two.alone": rule(
        "error",
        "The benchmark ic2 comes without ic.",
        "The rules accept it together with ic only.",
        "Submit ic for the same system.",
    ),
    "log.foreign": rule(
        "error",
        "The log is not that of a run.",
        "It is empty, damaged or another file: nothing proves when which inferences ran.",
        "Put the log of the session there.",
    ),
    "log.span": rule(
        "error",
        "The windows do not fit into the time that the log leaves for them.",
        "Trace and log are not of the same session, or an edge was lost.",
        "Check that they come from one session.",
    ),
    "model.differs": rule(
        "error",
        "The DUT states another model than the one of the folder's benchmark.",
        "The result belongs to another benchmark.",
        "Put the session where it belongs.",
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
        "The official figures cannot be read off it.",
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
        "Nothing was measured there, and a median over it is no figure either.",
        "Look in the trace for missing samples of that window; measure again.",
    ),
    "result.runner-error": rule(
        "warning",
        "The runner itself says in results.txt that the run is not valid.",
        "The official checker does not look at these lines.",
        "Measure again as it asks.",
    ),
    "runner.not-accepted": rule(
        "error",
        "The files are those of a runner that this round does not accept.",
        "The official checker refuses them.",
        "Measure with the other runner.",
    ),
    "samples.few": rule(
        "error",
        "There are fewer samples than the log's time or count asks for.",
        "Samples are missing somewhere: all that comes later lies at the wrong time.",
        "Measure again; look for lost data in the monitor's log.",
    ),
    "samples.frozen": rule(
        "error",
        "The same value stands for half a second or longer inside a window.",
        "A real current is noisier: the monitor or its driver repeated old samples.",
        "Measure again.",
    ),
    "session.mixed": rule(
        "error",
        "By their stamps, or by what both state, results and log are not those of one whole session.",
        "The log is no evidence for the figures then.",
        "Put log and results of one session there.",
    ),
    "session.unfinished": rule(
        "warning",
        "The session did not come to its end.",
        "It was interrupted or failed: its figures are those of the trials up to then.",
        "Measure again; what is there can still be looked at.",
    ),
    "throughput.apart": rule(
        "warning",
        "Throughput in energy mode is more than 2 % from that in performance mode.",
        "Sound pairs agree within 2 %: clock, model or firmware may differ.",
        "Run both modes with the same firmware and settings.",
    ),
    "throughput.differs": rule(
        "error",
        "Throughput in energy mode is more than 5 % from that in performance mode.",
        "The two runs cannot be of the same firmware at the same clock, or one of them is wrong.",
        "Run both modes with the same firmware and settings.",
    ),
    "voltage.disagrees": rule(
        "warning",
        "The script sets another voltage than the log reports.",
        "The log's is taken; an LPM01A multiplies its currents by the voltage that it was told.",
        "Keep the script that was run.",
    ),
    "voltage.not-stated": rule(
        "warning",
        "The voltage of an energy run is not on record.",
        "Energy and the choice of the operating point cannot be judged without it.",
        "Let the runner ask the monitor (`emon voltage`), or note it in results.json.",
    ),
    "voltage.out-of-range": rule(
        "error",
        "The voltage is outside what the monitor supplies.",
        "An LPM01A supplies 1.8 to 3.3 V.",
        "Check the log; use another supply where another voltage is needed.",
    ),
    "voltage.unsteady": rule(
        "warning",
        "The voltage differs by more than 2 % between trials.",
        "A measured voltage moves by a few millivolt only.",
        "Look for a supply at its limit, or for trials of different sessions.",
    ),
    "window.unlike-log": rule(
        "error",
        "A window begins or ends more than 30 ms from where the log has its inferences.",
        "Its edges are not those of the inferences. In sound sessions they are at most 6 ms apart.",
        "Check that trace and log come from one session; measure again.",
    ),
    "window.unlike-rest": rule(
        "warning",
        "A window's throughput or mean power is more than 5 % from the median of all.",
        "Something other than the inference changed, or one of its edges is wrong.",
        "Look at the windows' pictures.",
    ),
}
