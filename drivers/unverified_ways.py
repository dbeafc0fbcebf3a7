"""What depends on an unverified fact, and how to verify it on hardware: by its module and its words."""

from __future__ import annotations

from typing import NamedTuple


class Way(NamedTuple):
    """What hangs on facts of a kind.

    Attributes:
        module: Pattern of the module's name.
        words: Pattern of subject and sentence.
        depends: What goes wrong if it is not so.
        verify: How to find out.
    """

    module: str
    words: str
    depends: str
    verify: str


_LOG = "run a session and read its `log.txt`"
_STEP = "switch a load by the edge itself and find the step in the samples beside the edge's position"
_COUNTED = "compare samples counted with elapsed time over an hour"

WAYS: tuple[Way, ...] = (
    # Twins: whatever it is, only what a test with the twin shows depends on it.
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
        "plug it in and look at `joulebench list`",
    ),
    # LPM01A
    Way(
        r"drivers\.lpm01a",
        r"binary.*edges|marks them|marks edges|edges.*binary",
        "in binary the edges are timed by the IO manager's clock, with its larger bound",
        "toggle D7 during a binary recording: `session.json` then lists the packets that are not known",
    ),
    Way(
        r"drivers\.lpm01a\.setup",
        r"LATENCY|begins",
        "the position of every edge of a recording that an edge started; its bound carries it",
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
        "ASCII recordings longer than 999 s: refused as garbled if it is otherwise",
        "record for 20 minutes in ASCII and look for faults and gaps",
    ),
    Way(
        r"drivers\.lpm01a",
        r"modulo|number must",
        "a lost edge after the 99th is not noticed, or a good one is taken for lost",
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
        "floor currents and the self-test: a time-out or a refused answer, no wrong figure",
        "ask for a floor current with a known resistor as load",
    ),
    Way(
        r"drivers\.lpm01a",
        r"how long|takes",
        "a time-out; no figure",
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
        "the doctor's verdict on a pulse that is too short; no figure",
        "send `tm 1` and a `timestamp` to the DUT, and read `log.txt`",
    ),
    Way(
        r"drivers\.io_managers",
        r"2 s|how long|away|boot",
        "the first command comes too early and is repeated or times out",
        "open the port and watch `log.txt` for when the first answer comes",
    ),
    Way(
        r"drivers\.io_managers",
        r"",
        "the record of who answered; no figure",
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
        "how many samples a gap lacks on a JS110",
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
        "when a short peak of current is noticed: with the next question, or at the window's end",
        "ask while a gate is open at a function generator; look for gaps in the window",
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
        "whether the instrument's own protection is where the bench file wants it; it is read back",
        "with a resistor as load set a limit below its current and look at output and error queue",
    ),
    Way(
        r"drivers\.keithley",
        r"trigger|\bstate\b|BLOCK|gate|disarm|edge",
        "windows: they do not open or close, which is a time-out and no figure",
        "measure one window at a function generator and read `log.txt`",
    ),
    Way(
        r"drivers\.keithley",
        r"room|fillmode|capacity|buffer",
        "the longest window at a rate: the buffer overruns, which is a fault",
        "ask for a buffer of 2 million readings and fill it",
    ),
    Way(
        r"drivers\.keithley",
        r"",
        "a setting that is refused or takes longer: an error, no wrong figure",
        _LOG,
    ),
    # Keysight N6705
    Way(
        r"drivers\.keysight",
        r"EDGE_S|latency|grid|trigger",
        "the position of every edge of a log that an edge started; its bound carries it",
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
        "when samples against elapsed time count as lost",
        _COUNTED,
    ),
    Way(
        r"drivers\.keysight",
        r"",
        "a setting that is refused, or a range that is not used: an error, no wrong figure",
        "run a session; the error queue is read after each setting and kept in `log.txt`",
    ),
    Way(
        r"drivers\.lpm01a",
        r"between two pieces",
        "when silence becomes a fault of the stream, or a false alarm",
        "record an hour at the lowest rate and look for `lpm01a.silent`",
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
        "its calibration is not read: a time-out and no figure",
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
        "known resistors in each range, against a meter",
    ),
    Way(
        r"drivers\.(joulescope|keithley|keysight|lpm01a|ppk2)",
        r"",
        "figures or faults of this monitor",
        "a known load, and " + _LOG,
    ),
    Way(
        r"",
        r"",
        "an error or a time-out; no figure",
        _LOG,
    ),
)
"""The first that fits counts; the last one fits everything."""
