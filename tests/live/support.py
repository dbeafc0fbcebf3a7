"""Sessions on the virtual bench with a view attached."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from energy.bench.benchfile import load_bench
from energy.live.feed import Feed
from energy.live.scene import Known, Scene
from energy.session.record import run_record
from energy.session.record_plan import make_record_plan
from energy.session.recorded import Recorded

T = TypeVar("T")


def record_seen(folder: Path, feed: Feed | None, windows: int = 3, **bench: Any) -> Recorded:
    """A recording on the virtual bench, in virtual time."""
    file = load_bench("virtual")
    assert file.virtual is not None
    settings = file.virtual.model_copy(update={"settings": {**file.virtual.settings, **bench}})
    file = file.model_copy(update={"virtual": settings})
    plan = make_record_plan(file, windows=windows, iterations=40)
    seen = {} if feed is None else {"observer": feed}
    return run_record(plan, folder, lambda figures: None, lambda seconds: None, **seen)


def frame_of(feed: Feed, span_s: float = 10.0, columns: int = 200) -> dict[str, Any]:
    """The frame that a viewer who has just come gets."""
    return Scene(feed).frame(span_s, columns, Known())


@contextmanager
def in_background(work: Callable[[], T]) -> Generator[Future[T]]:
    """Does work in a thread; what it raises is raised at the end of the context."""
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(work)
        yield future
        future.result(120)


def answer_of(port: int, request: str, *, limit: int = 1 << 20) -> bytes:
    """The answer to an HTTP request, as far as it comes within two seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as link:
        link.sendall(request.replace("\n", "\r\n").encode())
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            while len(answer) < limit and (data := link.recv(65536)):
                answer += data
    return answer


def frames_in(answer: bytes) -> list[dict[str, Any]]:
    """The frames of a stream of events."""
    lines = answer.split(b"\r\n\r\n", 1)[1].decode().split("\n\n")
    return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
