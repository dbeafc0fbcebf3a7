"""The log of a session of any kind: its record is written as it grows, and however it ends."""

from __future__ import annotations

import contextlib
import logging
import traceback
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from energy.bench.assemble import Bench
from energy.bench.prompt import Prompt, no_operator
from energy.errors import InternalError, JoulebenchError
from energy.evidence.documents import SessionRecord, State
from energy.evidence.names import SESSION_NAME
from energy.findings import Finding
from energy.session.folder import SessionFolder
from energy.session.observer import NOBODY, Observer

_LOG = logging.getLogger("joulebench.session")
_INTERRUPTS = 4
"""An impatient Ctrl-C must not come between a session and its last words."""

Progress = Callable[[float, str], None]
"""Called with the part of a session that is done (0 to 1) and the present step."""


@dataclass
class SessionLog:
    """The evidence of a session while it runs.

    Attributes:
        folder: Where its evidence goes.
        record: What is known of it.
        progress: Called as the session advances.
        prompt: Asks the person at the bench.
        observer: Sees how the session advances.
        findings: About the session as a whole.
        failures: The errors of actions on exit.
    """

    folder: SessionFolder
    record: SessionRecord
    progress: Progress
    prompt: Prompt = no_operator
    observer: Observer = NOBODY
    findings: list[Finding] = field(default_factory=list[Finding])
    failures: list[JoulebenchError] = field(default_factory=list[JoulebenchError])

    def save(self, state: State | None = None) -> None:
        """Writes ``session.json`` as it stands."""
        if state:
            _LOG.info("%s: %s", self.folder.path.name, state)
            self.record.state = state
        self.folder.write(SESSION_NAME, self.record.model_dump(by_alias=True))
        self.observer.state(self.record.state, self.findings)

    def took(self, bench: Bench) -> None:
        """Records how long the session has taken, on the bench's clock."""
        self.record.bench_s = round(bench.clock.now() - bench.begun_s, 6)

    def failed(self, what: str, failure: JoulebenchError) -> None:
        """Notes the error of an action on exit."""
        self.failures.append(failure)
        self.folder.note(0.0, f"{what} failed: {failure}")
        entry = {"action": what, "code": failure.code, "message": failure.message, "hint": failure.hint}
        self.record.at_the_end.append(entry)

    @contextmanager
    def written_to_the_end(self) -> Generator[None]:
        """Records the end of the session and its cause, whatever is raised within; closes the folder.

        The last step within is ``save("finished")``. An unexpected exception is recorded as ``internal``,
        with its traceback in the log.
        """
        try:
            yield
        except KeyboardInterrupt:
            self._give_up("interrupted", None)
            raise
        except JoulebenchError as error:
            error.also += [failure for failure in self.failures if failure is not error]
            self._give_up("failed", error)
            raise
        except Exception as error:
            for line in "".join(traceback.format_exception(error)).splitlines():
                self.folder.note(0.0, line)
            what = InternalError(error)
            what.also += self.failures
            self._give_up("failed", what)
            if self.failures:
                raise what from error  # so that the failures on exit are reported as well
            raise
        except BaseException:
            self._give_up("interrupted", None)
            raise
        self.folder.close()

    def _give_up(self, state: State, error: JoulebenchError | None) -> None:
        if error is not None:
            self.record.error = {"code": error.code, "message": error.message, "hint": error.hint}
            self.observer.error(error.code, error.message, error.hint)
        # What fails here is not raised: what is being raised already is the first cause.
        for step in (partial(self.save, state), self.folder.close):
            for _ in range(_INTERRUPTS):
                with contextlib.suppress(JoulebenchError, OSError, KeyboardInterrupt):
                    step()
                    break
