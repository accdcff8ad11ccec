"""What wrk prints, as it prints it, and our own client against a small server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.load import BODY, ask_by_ourselves, read_wrk
from benchmarks.results import Load
from tests.processes import until

WRK = """\
Running 1s test @ http://127.0.0.1:8890/service
  1 threads and 512 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   150.61ms   51.49ms 307.47ms   66.62%
    Req/Sec     3.25k     1.09k    4.19k    87.50%
  Latency Distribution
     50%  500.00us
     75%   12.50ms
     90%    1.25s
     99%    1.10m
  2591 requests in 1.10s, 1.21MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 17
"""


def test_wrk_s_units_become_seconds_and_milliseconds_and_its_failures_are_kept_apart() -> None:
    assert read_wrk(WRK) == Load(2591, 1.1, 0.5, 66_000, refused=17, socket_errors=10)
    good = WRK.replace("Socket errors", "").replace("Non-2xx", "")
    assert read_wrk(good) == Load(2591, 1.1, 0.5, 66_000, refused=0, socket_errors=0)
    nothing = "     50%    0.00us\n     99%    0.00us\n  0 requests in 1.00m, 0.00B read\n"
    assert read_wrk(nothing) == Load(0, 60.0, None, None, refused=0, socket_errors=0)
    with pytest.raises(ValueError, match="unable to connect"):
        read_wrk("unable to connect to 127.0.0.1:1 Connection refused")


@contextmanager
def a_server(answer: bytes) -> Iterator[int]:
    """Answer every request that has an Authorization and the patient with the same bytes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            assert self.headers["Authorization"] == "crk"
            assert self.rfile.read(int(self.headers["Content-Length"])) == BODY.encode()
            self.wfile.write(answer)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def ask(answer: bytes) -> Load:
    """Ask on two connections until one has been used again, which may take a busy machine long."""
    seen: list[Load] = []
    with a_server(answer) as port:

        def is_enough() -> bool:
            seen.append(ask_by_ourselves(port, {"Authorization": "crk"}, 2, seconds=0.1))
            return seen[-1].requests + seen[-1].socket_errors > 2

        until(is_enough)
    return seen[-1]


def test_our_client_tells_good_answers_others_and_none_apart() -> None:
    good = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
    assert good.requests > 2
    assert 0 < (good.p50_ms or 0) <= (good.p99_ms or 0)
    assert (good.refused, good.socket_errors) == (0, 0)
    others = ask(b"HTTP/1.1 429 No\r\ncontent-length: 0\r\n\r\n")
    assert others.refused == others.requests > 0
    none = ask(b"hello\r\n\r\n")
    assert (none.requests, none.p50_ms, none.p99_ms) == (0, None, None)
    assert none.socket_errors > 0
