"""The cost model adds parts up, and the caller reads an answer to its end and no further."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from benchmarks.request_cost import PARTS, REST, TOGETHER, ask, cost_model, exchange, running_server
from benchmarks.rows import Row

if TYPE_CHECKING:
    from pathlib import Path

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def answered(answer: bytes) -> float:
    """Exchange something with a peer that has already answered this, and hung up."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        return exchange(ours, b"?")


def test_parts_are_added_up_and_taken_from_the_whole() -> None:
    rows = [Row(name, parameter, "µs", 10.0, 9.0, 12.0) for name, parameter in PARTS]
    whole = Row("whole", "", "µs", 300.0, 290.0, 330.0)
    assert len(PARTS) == 7
    assert cost_model(rows, whole) == [
        Row(TOGETHER, "", "µs", 70.0, 63.0, 84.0),
        Row(REST, "", "µs", 230.0, 206.0, 267.0),
    ]


def test_an_answer_is_read_to_its_end() -> None:
    assert answered(ANSWER) > 0


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (ANSWER[:-1], "hung up"),
        (ANSWER[:20], "hung up"),
        (ANSWER.replace(b"200 OK", b"503 No"), "refused"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "no length"),
    ],
)
def test_an_answer_that_is_none_ends_the_run(answer: bytes, complaint: str) -> None:
    with pytest.raises(SystemExit, match=complaint):
        answered(answer)


def test_a_real_server_is_asked_one_request_after_another(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        processor, latency = ask(server, requests=100)
        assert server.process.is_running()
    assert processor.median >= 0
    assert 0 < latency.low <= latency.median <= latency.high
    lines = (tmp_path / "server" / "logs" / "bitacora.jsonl").read_text().splitlines()
    assert len(lines) == 110
