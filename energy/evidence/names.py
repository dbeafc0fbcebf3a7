"""The names of the files in a session's folder, for whoever writes or reads one.

The recording's own files, ``trace.arrow`` and ``edges.jsonl``, are named by ``energy.recording``.
"""

from __future__ import annotations

from typing import Final

SESSION_NAME: Final = "session.json"
"""The plan of the session, and the answers of every instrument."""
RESULT_NAME: Final = "result.json"
"""The figures."""
ANSWERS_NAME: Final = "answers.jsonl"
"""The DUT's answers in accuracy mode."""
MANIFEST_NAME: Final = "manifest.json"
"""SHA-256 of every file."""
LINES_NAME: Final = "log.jsonl"
"""Every line on every wire."""
TEXT_NAME: Final = "log.txt"
"""The same lines, to be read by a person."""
OFFICIAL_FOLDER: Final = "mlperf"
"""The folder of the files in the format of the official tools."""
KEPT_FOLDER: Final = "before-recovery"
"""The files that a recovery replaced, as they were."""
