"""A Joulescope before and beside its stream: found, set, read back, refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from drivers.joulescope.device import make_real_driver
from drivers.joulescope.driver import open_joulescope
from drivers.joulescope.twin.driver import TOPICS, Board, FakeDriver
from drivers.links.clock import RealClock
from energy.errors import BenchError
from energy.signal import SampleKind
from tests.links.peer import Log
from tests.monitors.sink import Keeper, setup


class Plugged:
    """Fake instruments without a world: they answer and never stream."""

    def __init__(self, *paths, **values):
        self.boards = [Board(path) for path in paths]
        self.driver = FakeDriver(self.boards[0] if self.boards else Board("u/js220/none"))
        self.driver.device_paths = lambda timeout=None: list(paths)
        self.finalized = 0
        self.set = []
        for board in self.boards:
            board.on_set = lambda topic, value: self.set.append((topic, value))
        end = self.driver.finalize

        def finalize(timeout=None):
            self.finalized += 1
            end()

        self.driver.finalize = finalize
        self.log = Log()

    def open(self, url="joulescope", **settings):
        settings = {"virtual": True, "make_driver": lambda: self.driver, **settings}
        return open_joulescope(url, settings=settings, clock=RealClock(), transcript=self.log)


def fails(code, call):
    with pytest.raises(BenchError) as caught:
        call()
    assert caught.value.code == code
    assert caught.value.hint
    return caught.value


def test_the_real_driver_without_an_instrument_finds_none_and_hints_at_udev():
    error = fails(
        "joulescope.none",
        lambda: open_joulescope("joulescope", settings={}, clock=RealClock(), transcript=Log()),
    )
    assert "udev" in error.hint
    missing = fails(
        "joulescope.none",
        lambda: open_joulescope("u/js220/000415", settings={}, clock=RealClock(), transcript=Log()),
    )
    assert "u/js220/000415" in missing.message


def test_the_fake_driver_has_every_method_that_is_used_of_the_real_one():
    real = make_real_driver()
    try:
        for name in (
            "device_paths",
            "open",
            "close",
            "publish",
            "query",
            "subscribe",
            "unsubscribe",
            "finalize",
        ):
            assert callable(getattr(real, name))
            assert callable(getattr(FakeDriver, name))
        real.log_level = "warning"
        assert real.log_level == 4
    finally:
        real.finalize()


def test_what_is_plugged_in_is_named_where_it_is_not_what_was_asked_for():
    many = Plugged("u/js110/001", "u/js220/002")
    assert "u/js110/001, u/js220/002" in fails("joulescope.many", many.open).message
    other = fails("joulescope.missing", lambda: many.open("u/js220/003"))
    assert "u/js110/001, u/js220/002" in other.message
    assert many.finalized == 2
    assert many.open("u/js110/001/").identify().model == "Joulescope JS110"
    newer = fails("joulescope.model", Plugged("u/js320/8w2a").open)
    assert "js320" in newer.message


def test_it_says_who_it_is():
    identity = Plugged("u/js220/000415").open().identify()
    assert (identity.model, identity.serial_number, identity.firmware) == (
        "Joulescope JS220",
        "000415",
        "1.3.1",
    )
    assert identity.details == {"hardware": "1.0.0", "fpga": "1.3.0"}
    assert identity.virtual
    assert Plugged("u/js110/000001").open().identify().firmware == ""


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"gpio": 0}, "joulescope.setting"),
        ({"gpi": 4}, "joulescope.setting"),
        ({"gpi": "0"}, "joulescope.setting"),
        ({"gpi": True}, "joulescope.setting"),
        ({"vref": "1V8"}, "joulescope.setting"),
        ({"io_voltage": 3.3}, "joulescope.setting"),
        ({"statistics_hz": 0}, "joulescope.setting"),
        ({"statistics_hz": 5000}, "joulescope.setting"),
        ({"buffer_mb": float("inf")}, "joulescope.setting"),
        ({"clock_tolerance": "1%"}, "joulescope.setting"),
    ],
)
def test_settings_that_it_does_not_have_are_refused_before_it_is_opened(settings, code):
    plugged = Plugged("u/js220/000415")
    fails(code, lambda: plugged.open(**settings))
    assert plugged.set == []
    assert len(plugged.log) == 0


def test_the_virtual_one_cannot_be_reached_from_another_process():
    settings = {"virtual": True}
    error = fails(
        "joulescope.virtual",
        lambda: open_joulescope("u/js220/1", settings=settings, clock=RealClock(), transcript=Log()),
    )
    assert "process" in error.hint


@pytest.mark.parametrize(
    ("model", "wanted"),
    [
        (
            "js220",
            [
                *[("s/v/range/select", 0), ("s/v/range/mode", 1), ("s/i/range/mode", 0), ("c/gpio/vref", 0)],
                *[("h/fs", 1_000_000), ("s/stats/scnt", 500_000)],
            ],
        ),
        (
            "js110",
            [
                *[("s/v/range/select", 1), ("s/i/range/select", 128), ("s/extio/voltage", 3300)],
                *[("s/i/lsb_src", 2), ("h/fs", 2_000_000), ("s/stats/scnt", 1_000_000)],
            ],
        ),
    ],
)
def test_ranges_are_set_first_and_everything_is_read_back(model, wanted):
    plugged = Plugged(f"u/{model}/000415")
    monitor = plugged.open()
    rate = monitor.limits.full_rate_hz
    signal = monitor.configure(setup(rate, 3.3))
    assert plugged.set == wanted
    assert (signal.kind, signal.rate_hz, signal.dtype) == (SampleKind.CURRENT_VOLTAGE, rate, "float32")
    sent = [line.text.split(" = ")[0] for line in plugged.log if line.sent]
    read = [line.text.split(" = ")[0] for line in plugged.log if not line.sent]
    assert [topic for topic in sent if topic not in read] == []
    assert set(sent) <= set(monitor.settings())


@pytest.mark.parametrize(("asked", "number"), [("10 A", 0), ("180mA", 1), ("180uA", None), ("3 A", None)])
def test_a_fixed_range_must_hold_the_limit(asked, number):
    plugged = Plugged("u/js220/000415")
    monitor = plugged.open(current_range=asked)
    if number is None:
        error = fails("joulescope.range", lambda: monitor.configure(setup(1e6, 1.8)))
        assert "10 A, 180 mA" in error.message
        assert plugged.set == []
    else:
        monitor.configure(setup(1e6, 1.8))
        assert ("s/i/range/select", number) in plugged.set
        assert plugged.set[plugged.set.index(("s/i/range/select", number)) + 1] == ("s/i/range/mode", 1)


def test_a_voltage_range_below_the_limit_is_refused_and_the_smallest_that_holds_it_is_taken():
    fails(
        "joulescope.range", lambda: Plugged("u/js220/1").open(voltage_range="2 V").configure(setup(1e6, 3.3))
    )
    fails("joulescope.range", lambda: Plugged("u/js220/1").open().configure(setup(1e6, 16.0)))
    plugged = Plugged("u/js110/1")
    plugged.open(gpi=1).configure(setup(2e6, 5.1))
    assert plugged.set[0] == ("s/v/range/select", 0)
    assert ("s/v/lsb_src", 3) in plugged.set


def test_a_rate_below_the_full_one_is_refused():
    monitor = Plugged("u/js220/1").open()
    assert monitor.limits.rates_hz == (1e6,)
    assert "filtered" in fails("joulescope.rate", lambda: monitor.configure(setup(1e5, 1.8))).message


def test_a_setting_that_reads_back_otherwise_is_an_error():
    plugged = Plugged("u/js220/1")
    board = plugged.boards[0]
    board.on_set = lambda topic, value: board.values.update({"c/gpio/vref": 0})
    error = fails("joulescope.readback", lambda: plugged.open(vref="3v3").configure(setup(1e6, 1.8)))
    assert "c/gpio/vref" in error.message


def test_a_refusal_and_a_silence_carry_the_topic():
    plugged = Plugged("u/js220/1")
    monitor = plugged.open()
    plugged.boards[0].refuse = lambda command: "no" if command.startswith("h/fs") else None
    assert "h/fs" in fails("joulescope.command", lambda: monitor.configure(setup(1e6, 1.8))).message
    plugged.boards[0].silent = lambda: True
    assert "s/v/range" in fails("joulescope.timeout", lambda: monitor.configure(setup(1e6, 1.8))).message


def test_a_refused_start_leaves_nothing_switched_on_or_subscribed():
    plugged = Plugged("u/js220/1")
    monitor = plugged.open()
    monitor.configure(setup(1e6, 1.8))
    board = plugged.boards[0]
    board.refuse = lambda command: "no" if command == "s/v/ctrl = 1" else None
    fails("joulescope.command", lambda: monitor.start(Keeper()))
    assert board.receivers == []
    assert not any(value for topic, value in board.values.items() if topic.endswith("/ctrl"))
    assert monitor.own_energy() is None


def test_closing_twice_is_harmless_and_ends_the_driver_once():
    plugged = Plugged("u/js220/1")
    monitor = plugged.open()
    monitor.close()
    monitor.close()
    assert plugged.finalized == 1


@pytest.mark.parametrize(
    ("path", "read"), [("u/js220/1", {"10 A": "typical", "sample clock": "specified"}), ("u/js110/1", {})]
)
def test_no_accuracy_is_claimed_that_was_not_read(path, read):
    lines = Plugged(path).open().accuracy()
    assert {line.range: line.status for line in lines if line.status != "assumed"} == read


def test_units_and_limits_are_those_of_the_ranges():
    limits = Plugged("u/js110/1").open().limits
    assert (limits.lowest_v, limits.highest_v, limits.highest_a) == (0.0, 15.0, 10.0)
    assert limits.sees_edges
    assert not limits.sources
    assert limits.rates_hz == (2e6,)


def test_options_of_the_fake_js110_are_those_in_the_drivers_own_binary():
    """The names and numbers that the C part prints into its metadata stand as text in the binary."""
    from pyjoulescope_driver import binding

    text = Path(binding.__file__).read_bytes().decode("utf-8", errors="replace")
    metadata = re.findall(r'\{"dtype": "[^\x00]*?\}', text)
    assert len(metadata) > 15
    compared = 0
    for topic, (_, options) in TOPICS["js110"].items():
        if len(options) > 2 and topic != "h/fs":  # the fake knows fewer rates
            rows = ", ".join(re.escape(str(row).replace("'", '"')) for row in options).replace(", ", ",\\s*")
            rows = rows.replace(r"\],\s*\[", r"\],\s*\[")
            compact = re.sub(r"\\ ", r"\\s*", rows)
            assert any(re.search(compact, meta) for meta in metadata), topic
            compared += 1
    assert compared >= 6
