"""How many bytes of a foreign file are read, in one place; a larger file is ``file.too-large``.

The official checker refuses files above ``LARGEST_OFFICIAL`` (mlperf-tiny.md 2). The largest published files
are a log of some 2 MiB, a results.txt of 2 KiB, and a results.json of an accuracy run of 17 MiB.
"""

from __future__ import annotations

LARGEST_OFFICIAL = 500 << 20
"""Of any file of a submission."""
LARGEST_RESULTS_JSON = LARGEST_OFFICIAL
"""Of a results.json, with or without samples."""
LARGEST_DOCUMENT = 64 << 20
"""Of ``session.json`` or ``result.json``: a recording of 50 000 windows has that many."""
LARGEST_LOG = 128 << 20
"""Of a runner's log."""
LARGEST_RESULTS_TEXT = 4 << 20
"""Of a results.txt."""
LARGEST_SCRIPT = 1 << 20
"""Of a script.async."""
LARGEST_TIMESTAMPS = 1 << 20
"""Of the timestamps beside a trace."""
