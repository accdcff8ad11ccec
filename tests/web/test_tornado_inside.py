"""What is done inside Tornado leaves there what Tornado itself would, and answers as it would."""

from __future__ import annotations

import asyncio
from email.utils import parsedate
from types import SimpleNamespace
from typing import Any

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine, ResponseStartLine
from tornado.web import Application, RequestHandler

from cardiorisk.web.tornado_inside import AnswerHeaders, LeanHandler, run_eagerly, run_handler


class Taken:
    """A connection that keeps what it is given to send."""

    context = SimpleNamespace(remote_ip="10.0.0.7", protocol="http")

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.is_finished = False

    def set_close_callback(self, _callback: object) -> None:
        """Take it; nobody hangs up here."""

    def write_headers(self, line: ResponseStartLine, headers: HTTPHeaders, chunk: bytes) -> None:
        self.status, self.headers, self.body = line.code, dict(headers), chunk

    def finish(self) -> None:
        self.is_finished = True


class Told(LeanHandler):
    every_answer = (("Server", "x"),)

    async def get(self, name: str) -> None:
        self.write(name)

    def post(self, name: str) -> None:
        self.write("not this")
        self.write_whole("text/plain", name.encode())

    def query(self, _name: str) -> None:
        self.set_status(201)
        self.write_whole("text/plain", b"not this")
        self.clear()


class ToldByTornado(RequestHandler):
    get = Told.get


def request(connection: Any, method: str = "GET") -> HTTPServerRequest:
    line = RequestStartLine(method, "/a", "HTTP/1.1")
    return HTTPServerRequest(
        connection=connection, start_line=line, headers=HTTPHeaders({"Host": "x"})
    )


def answered(kind: type[RequestHandler], method: str = "GET") -> Taken:
    """Have a handler answer."""

    async def run() -> Taken:
        connection = Taken()
        handler = kind(Application(log_function=lambda _: None), request(connection, method))
        run_handler(handler, (b"abc",))
        assert connection.is_finished
        return connection

    return asyncio.run(run())


def test_a_handler_begins_as_tornados_does() -> None:
    ours, theirs = (vars(kind(Application(), request(Taken()))) for kind in (Told, ToldByTornado))
    assert ours.keys() - {"answer_headers", "status"} == theirs.keys()
    for name in ("_write_buffer", "_status_code", "_reason"):
        assert ours[name] == theirs[name]


def test_an_answer_has_its_headers_and_a_date_written_as_tornado_does() -> None:
    ours, theirs = answered(Told), answered(ToldByTornado)
    assert ours.headers.keys() == theirs.headers.keys() - {"Content-Type"}
    assert (ours.status, ours.body, ours.headers["Server"]) == (200, b"abc", "x")
    assert parsedate(ours.headers["Date"])


def test_what_was_answered_is_forgotten_when_it_begins_anew() -> None:
    answer = answered(Told, "QUERY")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0")


def test_a_body_that_is_written_whole_says_its_type_and_length() -> None:
    answer = answered(Told, "POST")
    assert (answer.body, answer.headers["Content-Length"]) == (b"abc", "3")
    assert answer.headers["Content-Type"] == "text/plain"


def test_a_handler_knows_which_methods_it_answers() -> None:
    assert Told.allowed_methods == ("GET", "POST", "QUERY")
    assert answered(Told, "PUT").status == answered(Told, "BREW").status == 405


def test_headers_that_are_not_checked_are_tornados_all_the_same() -> None:
    ours, theirs = AnswerHeaders([("Set-Cookie", "a"), ("Date", "b")]), HTTPHeaders()
    for name, value in (("Set-Cookie", "a"), ("Date", "b")):
        theirs[name] = value
    assert ours["date"] == "b"
    ours.put("Date", "c")
    theirs["Date"] = "c"
    for headers in (ours, theirs):
        headers.add("set-cookie", "d")
    assert list(ours.items()) == list(theirs.items())
    assert list(ours.get_all()) == list(theirs.get_all())
    assert vars(AnswerHeaders()) == vars(HTTPHeaders())


async def waiting_for(awaited: asyncio.Future[int], seen: list[object]) -> None:
    try:
        seen.append(await awaited)
    except ValueError as error:
        seen.append(str(error))


def test_what_need_not_wait_is_done_at_once() -> None:
    seen = []

    async def work() -> None:
        seen.append(7)

    async def run() -> None:
        assert run_eagerly(work()) is None
        assert seen == [7]

    asyncio.run(run())


@pytest.mark.parametrize("fails", [False, True])
def test_what_waits_goes_on_when_it_has_come_or_failed(*, fails: bool) -> None:
    async def run() -> list[object]:
        seen: list[object] = []
        awaited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        rest = run_eagerly(waiting_for(awaited, seen))
        assert rest is not None
        assert seen == []
        if fails:
            awaited.set_exception(ValueError("it"))
        else:
            awaited.set_result(7)
        await rest
        return seen

    assert asyncio.run(run()) == (["it"] if fails else [7])


def test_from_its_first_wait_on_it_is_in_a_task_of_its_own() -> None:
    tasks = []

    async def work() -> None:
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
        tasks.append(asyncio.current_task())
        raise ValueError("later")

    async def run() -> None:
        rest = run_eagerly(work())
        assert rest is not None
        with pytest.raises(ValueError, match="later"):
            await rest
        assert tasks == [rest]

    asyncio.run(run())


def test_its_failure_before_any_wait_is_its_callers() -> None:
    async def work() -> None:
        raise ValueError("now")

    with pytest.raises(ValueError, match="now"):
        run_eagerly(work())


def test_cancelling_it_cancels_what_it_waits_for() -> None:
    async def run() -> None:
        awaited: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        rest = run_eagerly(waiting_for(awaited, []))
        assert rest is not None
        await asyncio.sleep(0)
        rest.cancel()
        with pytest.raises(asyncio.CancelledError):
            await rest
        assert awaited.cancelled()

    asyncio.run(run())
