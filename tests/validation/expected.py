"""The published folders with an error, and what was seen in their files by hand.

Times in performance mode are differences of the DUT's own ``m-lap-us`` messages in log.txt (EEMBC), or the
``Runtime`` lines of results.txt, which are ``end_time - start_time`` in results.json (MLCommons).
"""

from __future__ import annotations

ERRORS: dict[str, set[str]] = {
    # systems/raspberry_pi_4_leip_framework.json, line 24: the text of "Hardware Notes" goes on in the next
    # line: a line end inside a JSON string.
    "v0.5/closed/latentai": {"system.unreadable"},
    # systems/pynqz2.json, line 4: "Status": "".
    "v0.5/open/hls4ml": {"system.status"},
    # 25 000 inferences from lap 1621794984705154 to 1621794994510748: 9.806 s; then 9.755 s and 9.831 s.
    "v0.5/closed/latentai/raspberry_pi_4_leip_framework/kws/kws_fp32": {"window.too-short"},
    # 10 inferences: timestamps 9.077 and 9.181 s are 0.104 s apart; results.txt says so as well.
    "v0.5/closed/reference/Nucleo-L4R5ZI/ad": {"window.too-short"},
    # 10 inferences: timestamps 11.319 and 18.361 s are 7.042 s apart; results.txt says so as well.
    "v0.5/closed/reference/Nucleo-L4R5ZI/ic": {"window.too-short"},
    # 10 inferences from lap 24632381 to 29430152: 4.798 s; the runner's own remark is in results.txt.
    "v1.2/closed/bosch/CY8CPROTO_062_4343W_float/ic": {"window.too-short"},
    # 10 inferences from lap 9552092 to 13158486: 3.606 s.
    "v1.2/closed/bosch/CY8CPROTO_062_4343W_float/vww": {"window.too-short"},
    # log.txt ends at 33.852 s after one infer of 2500; results.txt, stamped 98.295 s, prints five windows.
    "v1.2/closed/bosch/CY8CPROTO_062_4343W_int8/ad": {"session.mixed"},
    # 800 inferences from lap 3075803446 to 3077172418: 1.369 s.
    "v1.2/closed/bosch/DISCO_F746NG_int8/ad": {"window.too-short"},
    # 8000 inferences from lap 6212355 to 14878120: 8.666 s.
    "v1.2/closed/bosch/NUCLEO_H7A3ZI_int8_max_performance/ad": {"window.too-short"},
    # 250 inferences from lap 10579329 to 20225247: 9.646 s.
    "v1.2/closed/bosch/NUCLEO_U575ZI_int8/kws": {"window.too-short"},
    # accuracy/results.txt is stamped 0812.164219; the log's own print of the same two lines 0812.190428.
    "v1.3/closed/Qualcomm/Next_Generation_Snapdragon_Mobile_Platform_MTP/vww": {"session.mixed"},
    # 10 000 inferences in 7.352 to 7.381 s: "Runtime: 7.352316 sec.", with no line that requirements are met.
    "v1.3/closed/kai_jiang/K1_BOARD_V1.0/ad": {"window.too-short"},
    # 10 000 inferences: "Runtime: 3.141605 sec.".
    "v1.3/closed/kai_jiang/K1_BOARD_V1.0_HIGH_FREQ/ad": {"window.too-short"},
    # 10 000 inferences: "Runtime: 9.767285 sec.".
    "v1.3/closed/kai_jiang/K1_BOARD_V1.0_HIGH_FREQ/ic": {"window.too-short"},
    # 10 000 inferences: "Runtime: 5.76479 sec.".
    "v1.3/closed/kai_jiang/K1_BOARD_V1.0_HIGH_FREQ/kws": {"window.too-short"},
    # 5000 inferences: "Runtime: 1.081104 sec.".
    "v1.3/closed/kai_jiang/VCU128/vww": {"window.too-short"},
}
"""Codes of errors by the name of the benchmark's folder, or of the submission."""

SAME_TRACES = {
    f"v1.3/closed/syntiant/{system}/{benchmark}"
    for system in ("syntiant_9120_0v9_30mhz", "syntiant_9120_1v1_98mhz")
    for benchmark in ("ic", "kws", "vww")
}
"""Folders whose trace is byte for byte that of v1.2 (sha256 in MANIFEST.tsv): 28 traces, 22 distinct."""
