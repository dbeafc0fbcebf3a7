"""Consequences of unverified facts, and ways to verify them on hardware, by module and words of the fact."""

from __future__ import annotations

from typing import NamedTuple


class Way(NamedTuple):
    """The consequence of a kind of facts, and how to verify them.

    Attributes:
        module: Pattern of the module's name.
        words: Pattern of subject and sentence.
        depends: Results that are wrong if the fact is wrong.
        verify: How to verify it.
    """

    module: str
    words: str
    depends: str
    verify: str


_LOG = "run a session and read its `log.txt`"
_STEP = "switch a load by the edge itself and find the step in the samples beside the edge's position"
_COUNTED = "compare samples counted with elapsed time over an hour"

WAYS: tuple[Way, ...] = (
    # Twins: only results of tests with the twin depend on them.
    Way(
        r"drivers\.(virtual|\w+\.twin)\b",
        r"",
        "tests with this twin show nothing about it",
        "compare `log.txt` of a session with the instrument with that of its twin",
    ),
    Way(
        r"drivers\.discovery",
        r"",
        "what `joulebench list` recognises; no measurement",
        "plug it in and read `joulebench list`",
    ),
    # LPM01A
    Way(
        r"drivers\.lpm01a",
        r"binary.*edges|marks them|marks edges|edges.*binary",
        "in binary the edges are timed by the IO manager's clock, with its larger bound",
        "toggle D7 during a binary recording: `session.json` then lists the unknown packets",
    ),
    Way(
        r"drivers\.lpm01a\.setup",
        r"LATENCY|begins",
        "the position of every edge of a recording that an edge started; its bound contains it",
        _STEP,
    ),
    Way(
        r"drivers\.lpm01a\.ascii",
        r"edge itself|BOUND",
        "the bound of every edge: one sample",
        _STEP,
    ),
    Way(
        r"drivers\.lpm01a\.ascii",
        r"wrap|seconds",
        "ASCII recordings longer than 999 s: refused as garbled if the fact is wrong",
        "record for 20 minutes in ASCII and check for faults and gaps",
    ),
    Way(
        r"drivers\.lpm01a",
        r"modulo|number must",
        "a lost edge after the 99th is not noticed, or a sound edge counts as lost",
        "record 110 edges and read the numbers in `log.txt`",
    ),
    Way(
        r"drivers\.lpm01a",
        r"overflow",
        "whether a full buffer of the instrument shows as a gap",
        "record at 100 kHz in binary over a busy USB hub",
    ),
    Way(
        r"drivers\.lpm01a",
        r"static|autotest",
        "floor currents and the self-test: a time-out or a refused answer, but no wrong figure",
        "measure a floor current with a known resistor as load",
    ),
    Way(
        r"drivers\.lpm01a",
        r"how long|takes",
        "a time-out, but no wrong figure",
        _LOG,
    ),
    # IO managers
    Way(
        r"drivers\.io_managers\.uno",
        r"0\.5 %|resonator|clock",
        "the bound of edges that its clock times, until the rate is fitted",
        "time an edge every minute for an hour against the host's clock",
    ),
    Way(
        r"drivers\.io_managers\.uno",
        r"pulse_s|tm 1",
        "the doctor's verdict on a pulse that is too short, but no figure",
        "send `tm 1` and a `timestamp` to the DUT, and read `log.txt`",
    ),
    Way(
        r"drivers\.io_managers",
        r"2 s|how long|away|boot",
        "the first command is sent too early and is repeated or times out",
        "open the port and read in `log.txt` when the first answer arrives",
    ),
    Way(
        r"drivers\.io_managers",
        r"",
        "the recorded identity of the IO manager, but no figure",
        _LOG,
    ),
    # Joulescope
    Way(
        r"drivers\.joulescope",
        r"energy|tolerance",
        "whether the cross-check with the instrument's own energy warns when it should",
        "compare both energies over some recordings with a constant load",
    ),
    Way(
        r"drivers\.joulescope",
        r"frames|skip|NaN",
        "the length of a gap on a JS110",
        "load the USB bus until the driver's log reports a skip; " + _COUNTED,
    ),
    Way(
        r"drivers\.joulescope",
        r"",
        "names of ranges in the record, or a setting that is refused",
        "set each range once and read `session.json`",
    ),
    # Keithley
    Way(
        r"drivers\.keithley_2461\.gate",
        r"getstats",
        "when a short peak of current is noticed: at the next query, or at the window's end",
        "send the query while a function generator holds a gate open; check the window for gaps",
    ),
    Way(
        r"drivers\.keithley",
        r"LATENCY|latency|first reading",
        "the bound of a window's edges",
        _STEP,
    ),
    Way(
        r"drivers\.keithley",
        r"limit|protection|PROT\{|may move",
        "whether the instrument's own protection has the value in the bench file; it is read back",
        "with a resistor as load set a limit below its current and check output and error queue",
    ),
    Way(
        r"drivers\.keithley",
        r"trigger|\bstate\b|BLOCK|gate|disarm|edge",
        "windows: they do not open or close, which is a time-out, but no wrong figure",
        "measure one window with a function generator and read `log.txt`",
    ),
    Way(
        r"drivers\.keithley",
        r"room|fillmode|capacity|buffer",
        "the longest window at a rate: the buffer overruns, which is a fault",
        "make a buffer of 2 million readings and fill it",
    ),
    Way(
        r"drivers\.keithley",
        r"",
        "a setting that is refused or takes longer: an error, but no wrong figure",
        _LOG,
    ),
    # Keysight N6705
    Way(
        r"drivers\.keysight",
        r"EDGE_S|latency|grid|trigger",
        "the position of every edge of a log that an edge started; its bound contains it",
        _STEP,
    ),
    Way(
        r"drivers\.keysight",
        r"20 s|FIFO|TRUSTED",
        "whether an overrun of the instrument's memory is noticed",
        "pause the host for 15, 20 and 25 s and count the samples",
    ),
    Way(
        r"drivers\.keysight",
        r"CLOCKS|accuracy of|log's accuracy",
        "when a difference between samples and elapsed time counts as a loss",
        _COUNTED,
    ),
    Way(
        r"drivers\.keysight",
        r"",
        "a setting that is refused, or a range that is not used: an error, but no wrong figure",
        "run a session; the error queue is read after each setting and kept in `log.txt`",
    ),
    Way(
        r"drivers\.lpm01a",
        r"between two pieces",
        "when silence becomes a fault of the stream, or a false alarm",
        "record for an hour at the lowest rate and check for `lpm01a.silent`",
    ),
    # PPK2
    Way(
        r"drivers\.ppk2\.flow",
        r"",
        "whether `off` is confirmed, and when a lost output is noticed",
        "switch its output off and on under a load, and read the currents of the recording",
    ),
    Way(
        r"drivers\.ppk2",
        r"levels are taken|edge may",
        "the position of every edge, by half a sample",
        _STEP,
    ),
    Way(
        r"drivers\.ppk2\.metadata",
        r"",
        "its calibration is not read: a time-out, but no wrong figure",
        _LOG,
    ),
    Way(
        r"drivers\.ppk2",
        r"counter",
        "whether lost samples are counted",
        "load the USB bus; " + _COUNTED,
    ),
    Way(
        r"drivers\.ppk2",
        r"range|gain|formula|offset|current",
        "every figure: the current itself",
        "compare with a meter, with known resistors in each range",
    ),
    Way(
        r"drivers\.(joulescope|keithley|keysight|lpm01a|ppk2)",
        r"",
        "figures or faults of this monitor",
        "connect a known load, and " + _LOG,
    ),
    Way(
        r"",
        r"",
        "an error or a time-out, but no wrong figure",
        _LOG,
    ),
)
"""The first match counts; the last entry matches everything."""
