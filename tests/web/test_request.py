"""A request object: what Tornado makes of the same line, and nothing of another request's."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from tornado.httputil import HTTPHeaders, HTTPInputError, HTTPServerRequest, RequestStartLine

from cardiorisk.web.request import _MOST_KNOWN, Request, _without_query

if TYPE_CHECKING:
    from cardiorisk.http1.connection import Connection

CONTEXT = SimpleNamespace(remote_ip="10.0.0.7", protocol="http")
CONNECTION = cast("Connection", SimpleNamespace(context=CONTEXT))


def request(
    path: str, host: str | None = "x:8888", version: str = "HTTP/1.1", method: str = "GET"
) -> Request:
    headers = HTTPHeaders() if host is None else HTTPHeaders({"Host": host})
    return Request(CONNECTION, RequestStartLine(method, path, version), headers)


@pytest.mark.parametrize("path", ["/service", "/a?b=1&b=2&c=%C3%B1", "/?", "*", "http://x/a"])
def test_it_says_what_tornados_own_would(path: str) -> None:
    line = RequestStartLine("QUERY", path, "HTTP/1.1")
    headers = HTTPHeaders({"Host": "Example.org:80", "Cookie": "a=1"})
    for _ in range(2):
        ours = vars(Request(CONNECTION, line, headers)).copy()
        theirs = vars(
            HTTPServerRequest(connection=CONNECTION, start_line=line, headers=headers)
        ).copy()
        assert ours.pop("_start_time") <= theirs.pop("_start_time")
        assert ours == theirs


def test_what_one_holds_another_does_not() -> None:
    first, second = request("/a"), request("/a")
    first.arguments["a"] = [b"1"]
    first.query_arguments["a"] = [b"1"]
    first.body_arguments["a"] = [b"1"]
    first.files["a"] = []
    assert first.cookies == {}
    assert second.arguments == second.query_arguments == second.body_arguments == {}
    assert second.files == {}
    assert not hasattr(second, "_cookies")


@pytest.mark.parametrize("host", [None, "a b", "a,b", "a/b"])
@pytest.mark.parametrize("path", ["/a", "/a?b=1"])
def test_a_request_for_no_host_or_for_two_is_refused(path: str, host: str | None) -> None:
    for _ in range(2):
        with pytest.raises(HTTPInputError):
            request(path, host)


def test_http_1_0_knows_no_hosts() -> None:
    assert request("/a", None, "HTTP/1.0").path == "/a"


def test_few_lines_are_remembered() -> None:
    for number in range(3 * _MOST_KNOWN):
        assert request(f"/{number}").path == f"/{number}"
    assert _without_query.cache_info().currsize <= _MOST_KNOWN
