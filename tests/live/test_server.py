"""The server of the live page: whom it serves, and that nobody can hold the session up."""

from __future__ import annotations

import base64
import http.client
import select
import socket
import time

import numpy as np
import pytest

import energy.live.server as server_module
from energy.errors import UsageError
from energy.live.feed import Feed
from energy.live.server import MOST_VIEWERS, served
from tests.live.support import answer_of, frames_in, record_seen


def get(server, path, host=None):
    """Status and body of an answer; ``path`` follows the token."""
    link = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    link.putrequest("GET", path, skip_host=host is not None)
    if host is not None:
        link.putheader("Host", host)
    link.endheaders()
    answer = link.getresponse()
    return answer.status, answer.read(), answer.headers


def test_the_page_and_its_parts_are_there_and_lead_nowhere_else():
    with served(Feed()) as server:
        for name, kind in (("", "text/html"), ("live.css", "text/css"), ("live.js", "text/javascript")):
            status, body, headers = get(server, f"/{server.token}/{name}")
            assert status == 200
            assert headers["Content-Type"].startswith(kind)
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["Referrer-Policy"] == "no-referrer"
            assert b"http://" not in body
            assert b"https://" not in body


@pytest.mark.parametrize(
    "path", ["/", "/live.js", "/events", "/wrong/", "/wrong/events", "/%sx/", "/wrong/%s/"]
)
def test_without_the_token_nothing_is_shown(path):
    with served(Feed()) as server:
        path = path.replace("%s", server.token)
        status, body, _ = get(server, path)
        assert status == 403
        assert server.token.encode() not in body


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "", "localhost"]
)
def test_a_page_of_another_host_that_leads_here_is_refused(host):
    with served(Feed()) as server:
        name = host.replace("PORT", str(server.server_port))
        assert get(server, f"/{server.token}/", name)[0] == 403
        assert get(server, f"/{server.token}/events", name)[0] == 403
        assert get(server, f"/{server.token}/", f"localhost:{server.server_port}")[0] == 200


def test_a_path_cannot_leave_the_page():
    with served(Feed()) as server:
        for path in ("../server.py", "..%2fserver.py", "/etc/passwd", "live.js/../../feed.py", "x"):
            assert get(server, f"/{server.token}/{path}")[0] == 404


@pytest.mark.parametrize("request_line", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_only_reading_is_possible(request_line):
    with served(Feed()) as server:
        text = f"{request_line} /{server.token}/ HTTP/1.0\nHost: 127.0.0.1:{server.server_port}\n\n"
        assert b" 501 " in answer_of(server.server_port, text).split(b"\r\n")[0]


def test_it_listens_on_the_loopback_only_and_tells_if_a_port_is_taken():
    with served(Feed()) as server:
        assert server.server_address[0] == "127.0.0.1"
        assert server.url == f"http://127.0.0.1:{server.server_port}/{server.token}/"
        with pytest.raises(UsageError) as caught, served(Feed(), server.server_port):
            pass
        assert caught.value.code == "usage.live-port"
    with served(Feed(), server.server_port) as again:  # free once more
        assert again.token != server.token


def events(server, query=""):
    link = socket.create_connection(("127.0.0.1", server.server_port), timeout=5)
    host = f"127.0.0.1:{server.server_port}"
    link.sendall(f"GET /{server.token}/events?{query} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return link


def rest_of(link):
    answer = b""
    while data := link.recv(65536):
        answer += data
    return answer


def test_frames_hold_the_waveform_as_asked_for(tmp_path):
    feed = Feed()
    with served(feed) as server:
        link = events(server, "span=all&columns=120")
        result = record_seen(tmp_path / "session", feed)
    with link:
        frames = frames_in(rest_of(link))
    last = frames[-1]
    assert last["over"]
    assert [frame["over"] for frame in frames[:-1]] == [False] * (len(frames) - 1)
    wave = last["wave"]
    values = np.frombuffer(base64.b64decode(wave["data"]), "<f4").reshape(len(wave["quantities"]), 3, 120)
    assert (values[:, 0] <= values[:, 2] * (1 + 1e-6)).all()
    assert (values[:, 2] <= values[:, 1] * (1 + 1e-6)).all()
    assert last["windows"]["count"] == len(result.windows)


@pytest.mark.parametrize(
    "query",
    ["", "span=x&columns=y", "span=-1&columns=-5", "span=nan", "columns=99999999", "span=0&columns=0"],
)
def test_a_request_that_makes_no_sense_gets_frames_all_the_same(query, tmp_path):
    feed = Feed()
    record_seen(tmp_path / "session", feed, windows=1)
    with served(feed) as server:
        link = events(server, query)
        time.sleep(0.15)
    with link:
        frames = frames_in(rest_of(link))
    assert frames[-1]["session"]["state"] == "finished"
    assert 2 <= frames[-1]["wave"]["columns"] <= 4000
    assert feed.defect is None


FOUND = bytes.fromhex(  # by the fuzzer: a path without a slash ended the view of a session
    "4745542043733f733a38ab657647652f746f6b656e2f6576656e74733f6e733a38ab657647656e"
)


@pytest.mark.parametrize(
    "request_",
    [FOUND + b"\r\n\r\n", b"GET x\r\n\r\n", b"GET http://[ HTTP/1.0\r\n\r\n", b"GET * HTTP/1.0\r\n\r\n"],
)
def test_a_request_without_a_path_is_refused_and_does_not_end_the_view(request_):
    feed = Feed()
    with served(feed) as server, socket.create_connection(("127.0.0.1", server.server_port), 10) as link:
        link.sendall(request_)
        answer = b""
        while data := link.recv(4096):
            answer += data
        assert b"200" not in answer.split(b"\r\n")[0]
    assert feed.defect is None


def test_too_many_viewers_are_refused_and_have_room_when_others_go():
    with served(Feed()) as server:
        links = [events(server) for _ in range(MOST_VIEWERS)]
        assert all(b"200" in link.recv(300).split(b"\r\n")[0] for link in links)
        assert get(server, f"/{server.token}/events")[0] == 503
        for link in links:
            link.close()
        until = time.monotonic() + 10
        while server.viewers and time.monotonic() < until:
            time.sleep(0.05)
        with events(server) as link:
            assert b"200" in link.recv(300).split(b"\r\n")[0]


def test_connections_that_ask_nothing_do_not_pile_up(monkeypatch):
    monkeypatch.setattr("energy.live.server._Handler.timeout", 2.0)
    with served(Feed()) as server:
        links = [socket.create_connection(("127.0.0.1", server.server_port), timeout=5) for _ in range(40)]
        closed = set()
        until = time.monotonic() + 1.5
        while len(closed) < 8 and time.monotonic() < until:
            closed.update(select.select(links, [], [], 0.1)[0])
        assert len(closed) == 40 - 32
        until = time.monotonic() + 10  # the others are closed after their time
        while get_or_none(server) != 200 and time.monotonic() < until:
            time.sleep(0.05)
        assert get_or_none(server) == 200
        for link in links:
            link.close()


def get_or_none(server):
    try:
        return get(server, f"/{server.token}/")[0]
    except (OSError, http.client.HTTPException):
        return None


def test_no_connection_may_take_for_ever():
    assert 0 < server_module._Handler.timeout <= 10


def test_a_viewer_that_never_reads_is_dropped_and_does_not_hold_the_session_up(tmp_path, monkeypatch):
    monkeypatch.setattr("energy.live.server._STUCK_S", 0.5)
    monkeypatch.setattr("energy.live.server._Handler.timeout", 0.5)
    feed = Feed()
    with served(feed) as server:
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.connect(("127.0.0.1", server.server_port))
        host = f"127.0.0.1:{server.server_port}"
        link.sendall(f"GET /{server.token}/events?columns=4000 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        until = time.monotonic() + 5
        while not server.viewers and time.monotonic() < until:
            time.sleep(0.01)
        assert server.viewers == 1
        result = record_seen(tmp_path / "session", feed)
        assert len(result.windows) == 3
        until = time.monotonic() + 20
        while server.viewers and time.monotonic() < until:
            time.sleep(0.05)
        assert server.viewers == 0
        began = time.monotonic()
    assert time.monotonic() - began < 2.0
    link.close()


def test_a_stuck_viewer_does_not_hold_the_end_up(tmp_path):
    feed = Feed()
    record_seen(tmp_path / "session", feed, windows=1)
    with served(feed) as server:
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.connect(("127.0.0.1", server.server_port))
        host = f"127.0.0.1:{server.server_port}"
        link.sendall(f"GET /{server.token}/events?columns=4000 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        time.sleep(0.3)
        began = time.process_time()
    assert time.process_time() - began < 2.0
    link.close()
