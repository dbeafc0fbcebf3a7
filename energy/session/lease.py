"""The lease of a bench: it is locked, opened and guarded, and its supply is off on every way out."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Generic, Literal, TypeVar, overload

from energy.bench.assemble import Bench, EnergyBench, PerformanceBench, open_bench
from energy.bench.benchfile import BenchFile
from energy.bench.lock import locked
from energy.bench.prompt import Prompt, no_operator
from energy.errors import BenchError, JoulebenchError
from energy.instruments import Line, Mode, Transcript
from energy.interrupts import WHOLE, interrupts_wait
from energy.session.guardian import Guardian
from energy.session.recorder import Recorder
from energy.session.supervision import Supervision, current_falls

_INTERRUPTS = 3
"""An impatient Ctrl-C must not come between us and the switch."""

B = TypeVar("B", bound=Bench, covariant=True)

OnFailure = Callable[[str, JoulebenchError], None]
"""Called with the name of an action on exit and the error that it failed with."""


class BenchLease(Generic[B]):
    """A bench that is ours until the context is left.

    Attributes:
        failures: The errors of actions on exit.
    """

    def __init__(self, bench: B, guardian: Guardian, stack: ExitStack, on_failure: OnFailure) -> None:
        self._bench = bench
        self.failures: list[JoulebenchError] = []
        self._guardian, self._stack, self._on_failure = guardian, stack, on_failure
        self._supervision = Supervision(bench, guardian)
        self._powered = False

    @property
    def bench(self) -> B:
        """Its instruments."""
        return self._bench

    def power_on(self) -> None:
        """Switches the supply on, where the bench has one; it is switched off on every way out.

        From now on the bench is watched while the session waits. Beside a monitor the supply's voltage was
        set with the monitor's; without one, in performance and accuracy mode, it is set here.
        """
        supply = self._bench.supply
        if supply is not None:
            if not isinstance(self._bench, EnergyBench):
                supply.set_voltage(self._bench.file.dut.voltage_v)
            self.on_exit("supply off", self._power_off)  # before it is on
            self._guardian.arm()
            self._powered = True
            supply.on()
        self._bench.clock.watch(self._supervision.look)

    def supervise(self, recorder: Recorder) -> None:
        """Watches the monitor's stream as well."""
        self._supervision.recorder = recorder

    def _power_off(self) -> None:
        """Switches the supply off, once; where it is not confirmed, the guardian tries next."""
        supply = self._bench.supply
        if not self._powered or supply is None:
            return
        stream = None if supply.off_confirmed else self._supervision.recorder
        before_a = stream.latest_a if stream is not None else 0.0
        supply.off()
        if stream is not None and current_falls(stream, self._bench.clock, before_a) is False:
            self._guardian.doubt()
            raise BenchError(
                "supply.current-flows",
                f"the supply was switched off, and the DUT still draws {stream.latest_a:.3g} A "
                f"({before_a:.3g} A before)",
                "Switch it off by hand; then find out why it does not obey.",
            )
        self._powered = False
        self._guardian.disarm()

    def on_close(self, action: Callable[[], None]) -> None:
        """Adds an action that runs after all that are added later, however the lease ends."""
        self._stack.callback(action)

    def on_exit(self, what: str, action: Callable[[], None]) -> None:
        """Adds an action for every way out; its own failure does not hide the first cause."""

        def run(kind: object, error: BaseException | None, trace: object) -> bool:
            self._bench.clock.unwatch()
            interrupt: KeyboardInterrupt | None = None
            for _ in range(_INTERRUPTS):
                done = False
                try:
                    with WHOLE:  # half an exchange with an instrument would spoil the next
                        supply = self._bench.supply
                        first = error is not None or (supply is not None and not supply.off_confirmed)
                        if first and action != self._power_off:
                            self._power_off_first()
                        action()
                        done = True
                    break
                except KeyboardInterrupt as again:
                    interrupt = again
                    if done:
                        break
                except (JoulebenchError, OSError) as failure:
                    self._failed(what, failure)
                    if error is None:
                        raise
                    break
            if interrupt is not None and error is None:
                raise interrupt
            return False

        self._stack.push(run)

    def _power_off_first(self) -> None:
        """Off before anything else: after a fault, or where only the stream can show that it is off.

        Where that fails, it is tried again in its turn, and reported then.
        """
        with contextlib.suppress(JoulebenchError, OSError):
            self._power_off()

    def _failed(self, what: str, failure: JoulebenchError | OSError) -> None:
        if isinstance(failure, OSError):
            failure = BenchError("bench.let-go", f"{what}: {failure}", "See the session's log.")
        self.failures.append(failure)
        self._on_failure(what, failure)


@overload
def lease_bench(
    file: BenchFile,
    workload: str,
    mode: Literal["energy"],
    transcript: Transcript,
    on_failure: OnFailure,
    prompt: Prompt = no_operator,
) -> AbstractContextManager[BenchLease[EnergyBench]]: ...


@overload
def lease_bench(
    file: BenchFile,
    workload: str,
    mode: Literal["performance"],
    transcript: Transcript,
    on_failure: OnFailure,
    prompt: Prompt = no_operator,
) -> AbstractContextManager[BenchLease[PerformanceBench]]: ...


def lease_bench(
    file: BenchFile,
    workload: str,
    mode: Mode,
    transcript: Transcript,
    on_failure: OnFailure,
    prompt: Prompt = no_operator,
) -> AbstractContextManager[BenchLease[Bench]]:
    """Locks and opens a bench, with a guardian for its supply. Nothing is switched on here.

    Args:
        file: The bench.
        workload: What the DUT runs.
        mode: What its firmware was built for.
        transcript: Takes every line on every wire.
        on_failure: Called with each action on exit that failed.
        prompt: Asks the person at the bench.

    Raises:
        JoulebenchError: If another session uses it, or an instrument is not there.
    """
    return _lease(file, open_bench(file, workload, mode, transcript, prompt), transcript, on_failure)


@contextmanager
def _lease(
    file: BenchFile, opening: AbstractContextManager[B], transcript: Transcript, on_failure: OnFailure
) -> Generator[BenchLease[B]]:
    with interrupts_wait(), ExitStack() as stack:
        stack.enter_context(locked(file))
        now_s: list[Callable[[], float]] = []

        def note(text: str) -> None:
            transcript(Line(now_s[0]() if now_s else 0.0, "session", sent=False, text=text))

        guardian = stack.enter_context(Guardian(note))
        bench = stack.enter_context(opening)
        now_s.append(bench.clock.now)
        guardian.watch(bench.switch, gone_with_us=bench.gone_when_closed)
        yield BenchLease(bench, guardian, stack, on_failure)
