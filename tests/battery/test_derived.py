"""What is made of the collection; the `.http` file is sent as an editor would send it."""

from __future__ import annotations

import json
import re

from tests.battery.derived import COLLECTION, CURL_FILE, HTTP_FILE, curl_file, http_file
from tests.processes import Server
from tests.support import create_key

A_MINUTE = 40
"""Requests with one key; the plan premium allows 50."""


def test_what_is_made_of_the_collection_is_what_it_says() -> None:
    collection = json.loads(COLLECTION.read_text())
    assert HTTP_FILE.read_text() == http_file(collection)
    assert CURL_FILE.read_text() == curl_file(collection)


def test_every_request_gets_the_status_that_it_promises(server: Server) -> None:
    _, *requests = re.split(r"^### ", HTTP_FILE.read_text(), flags=re.MULTILINE)
    values = {"base_url": "", "run": "1", "password": "clave-de-prueba"}
    failures, answers = [], dict[str, bytes]()
    for place, text in enumerate(requests):
        if place % A_MINUTE == 0:
            values["key"] = create_key(server.settings, f"http-{place}", "premium")
        title, _, request = text.partition("\n")
        request = re.sub(r"\{\{(\w+)\}\}", lambda found: values[found[1]], request)
        request = re.sub(
            r"\{\{(\w+)\.response\.body\.([^}]*)\}\}",
            lambda found: answered(answers[found[1]], found[2]),
            request,
        )
        status, body = send(server, re.sub(r"^# @name .*\n", "", request))
        if named := re.match(r"# @name (\w+)", request):
            answers[named[1]] = body
        if not title.endswith(f"-> {status}"):
            failures.append(f"{title}: {status}")
    assert failures == []
    assert len(requests) > 4 * A_MINUTE


def answered(body: bytes, path: str) -> str:
    """Return what an answer has at a path, as ``versions[0]``."""
    found = json.loads(body)
    for step in re.findall(r"\w+", path):
        found = found[int(step) if step.isdigit() else step]
    return str(found)


def send(server: Server, request: str) -> tuple[int, bytes]:
    head, _, body = request.rstrip("\n").partition("\n\n")
    line, *lines = head.splitlines()
    method, target = line.split(" ", 1)
    headers = dict(header.split(": ", 1) for header in lines)
    with server.connection() as connection:
        connection.request(method, target, body.encode() or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read() if answer.length else b""
