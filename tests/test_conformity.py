"""The check that every house test goes through finds what is not described."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders

from tests.conformity import require_described
from tests.support import Caller

HEALTHY: dict[str, Any] = {"status": "ok", "version": "1"}
HEADERS = {
    "X-Request-ID": "a",
    "Server-Timing": "total;dur=0.1",
    "Content-Type": "application/json",
}


def answer(
    path: str = "/healthz",
    code: int = 200,
    document: Any = HEALTHY,
    method: str = "GET",
    **headers: str,
) -> HTTPResponse:
    sent = HEADERS | {name.replace("_", "-"): value for name, value in headers.items()}
    return HTTPResponse(
        HTTPRequest(f"http://localhost{path}", method=method),
        code,
        HTTPHeaders({name: value for name, value in sent.items() if value}),
        BytesIO(json.dumps(document).encode()),
    )


def test_a_described_answer_passes() -> None:
    require_described(answer())


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (answer(code=201), "-> 201 is not described"),
        (answer(path="/nowhere"), "-> 200 is not described"),
        (answer(method="POST"), "-> 200 is not described"),
        (answer(document=HEALTHY | {"more": 1}), "Additional properties"),
        (answer(document={"status": "ok"}), "'version' is a required property"),
        (answer(document={"status": "bad", "version": "1"}), "'ok' was expected"),
        (answer(X_Request_ID=""), "X-Request-ID is missing"),
        (answer(X_Request_ID="no blanks"), "X-Request-ID: no blanks"),
        (answer(Retry_After="5"), "Retry-After is not described"),
        (answer(Content_Type="text/html"), "text/html is not described"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_an_answer_that_is_not_described_is_found(fault: HTTPResponse, message: str) -> None:
    with pytest.raises(AssertionError) as found:
        require_described(fault)
    assert message in str(found.value)


@pytest.mark.gen_test
async def test_every_caller_checks_its_answers(
    stranger: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[HTTPResponse] = []
    monkeypatch.setattr("tests.support.require_described", seen.append)
    response = await stranger.send("GET", "/healthz")
    assert seen == [response]
