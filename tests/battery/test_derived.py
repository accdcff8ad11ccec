"""What is made of the collection; the `.http` file is sent as an editor would send it."""

from __future__ import annotations

import json
import re

from tests.battery.derived import COLLECTION, CURL_PAGE, HTTP_FILE, curl_page, http_file
from tests.processes import Server
from tests.support import create_key

A_MINUTE = 40
"""Requests with one key; the plan premium allows 50."""


def test_what_is_made_of_the_collection_is_what_it_says() -> None:
    collection = json.loads(COLLECTION.read_text())
    assert HTTP_FILE.read_text() == http_file(collection)
    assert CURL_PAGE.read_text() == curl_page(collection)


def test_every_request_gets_the_status_that_it_promises(server: Server) -> None:
    _, *requests = re.split(r"^### ", HTTP_FILE.read_text(), flags=re.MULTILINE)
    failures = []
    for place, text in enumerate(requests):
        if place % A_MINUTE == 0:
            key = create_key(server.settings, f"http-{place}", "premium")
        name, _, request = text.partition("\n")
        status = send(server, request.replace("{{base_url}}", "").replace("{{key}}", key))
        if not name.endswith(f"-> {status}"):
            failures.append(f"{name}: {status}")
    assert failures == []
    assert len(requests) > A_MINUTE


def send(server: Server, request: str) -> int:
    head, _, body = request.rstrip("\n").partition("\n\n")
    line, *lines = head.splitlines()
    method, target = line.split(" ", 1)
    headers = dict(header.split(": ", 1) for header in lines)
    with server.connection() as connection:
        connection.request(method, target, body.encode() or None, headers)
        return connection.getresponse().status
