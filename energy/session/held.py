"""A bench in use: locked, opened, guarded, and its supply off on every way out."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager

from energy.bench.ask import Ask, nobody
from energy.bench.assemble import Bench, open_bench
from energy.bench.benchfile import BenchFile
from energy.bench.lock import locked
from energy.errors import BenchError, JoulebenchError
from energy.instruments import Mode, Transcript
from energy.session.guardian import Guardian

_INTERRUPTS = 3
"""An impatient Ctrl-C must not come between us and the switch."""

OnFailure = Callable[[str, JoulebenchError], None]
"""Told what was tried on the way out, and how it failed."""


class Held:
    """A bench that somebody holds.

    Attributes:
        bench: Its instruments.
        failures: What failed while it was let go.
    """

    def __init__(self, bench: Bench, guardian: Guardian, stack: ExitStack, on_failure: OnFailure) -> None:
        self.bench = bench
        self.failures: list[JoulebenchError] = []
        self._guardian, self._stack, self._on_failure = guardian, stack, on_failure

    def power_on(self) -> None:
        """Switches the supply on, where the bench has one; it is switched off on every way out."""
        supply = self.bench.supply
        if supply is None:
            return

        def off() -> None:
            supply.off()
            self._guardian.disarm()

        self.at_the_end("supply off", off)  # before it is on
        self._guardian.arm()
        supply.on()

    def finally_(self, action: Callable[[], None]) -> None:
        """Has something done after all that is pushed later, however it ends."""
        self._stack.callback(action)

    def at_the_end(self, what: str, action: Callable[[], None]) -> None:
        """Has something done on every way out; its own failure does not hide why that way was taken."""

        def leave(kind: object, error: BaseException | None, trace: object) -> bool:
            interrupt: KeyboardInterrupt | None = None
            for _ in range(_INTERRUPTS):
                try:
                    action()
                    break
                except KeyboardInterrupt as again:
                    interrupt = again
                except (JoulebenchError, OSError) as failure:
                    self._failed(what, failure)
                    if error is None:
                        raise
                    break
            if interrupt is not None and error is None:
                raise interrupt
            return False

        self._stack.push(leave)

    def _failed(self, what: str, failure: JoulebenchError | OSError) -> None:
        if isinstance(failure, OSError):
            failure = BenchError("bench.let-go", f"{what}: {failure}", "See the session's log.")
        self.failures.append(failure)
        self._on_failure(what, failure)


@contextmanager
def held(
    file: BenchFile,
    workload: str,
    mode: Mode,
    transcript: Transcript,
    on_failure: OnFailure,
    ask: Ask = nobody,
) -> Generator[Held]:
    """Locks and opens a bench, with a guardian for its supply. Nothing is switched on here.

    Args:
        file: The bench.
        workload: What the DUT runs.
        mode: What its firmware was built for.
        transcript: Takes every line on every wire.
        on_failure: Told what failed on the way out.
        ask: Asks the person at the bench.

    Raises:
        JoulebenchError: If it is held by another, or an instrument is not there.
    """
    with ExitStack() as stack:
        stack.enter_context(locked(file))
        guardian = stack.enter_context(Guardian())
        gone: list[bool] = []
        stack.callback(lambda: guardian.disarm() if any(gone) else None)
        bench = stack.enter_context(open_bench(file, workload, mode, transcript, ask))
        gone.append(bench.gone_when_closed)
        guardian.watch(bench.switch)
        yield Held(bench, guardian, stack, on_failure)
