"""The Postman collection's calls in other forms: an `.http` file for editors, and curl lines.

They hold what needs nothing of an answer before, as VS Code and JetBrains read answers in different
ways. Where the collection has changed: python -m tests.battery.derived
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
COLLECTION = DOCS / "postman" / "cardiorisk.postman_collection.json"
HTTP_FILE = DOCS / "http" / "cardiorisk.http"
CURL_PAGE = DOCS / "http" / "12-collection.md"
_GIVEN = {"base_url", "key"}
_LOOPS = "setNextRequest"
_HEAD = """\
# The calls of the Postman collection that need no answer before them, for VS Code (REST Client) and
# JetBrains. Written by tests/battery/derived.py, and run by `make test`.
# Put your key here: .venv/bin/cardiorisk keys create --account http --plan premium
@base_url = http://127.0.0.1:8888
@key = crk_

"""
_TITLE = """\
# 12. The collection's calls

`BASE` and `KEY` are set as in [the first page](README.md). These are the calls of the Postman
collection that need no answer before them, written from it by `tests/battery/derived.py`.
"""


def requests_of(folder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk a folder's requests in the order in which they are run."""
    for item in folder["item"]:
        if "item" in item:
            yield from requests_of(item)
        else:
            yield item


def http_file(collection: dict[str, Any]) -> str:
    return _HEAD + "\n".join(_request(item) for item in requests_of(collection) if _is_whole(item))


def curl_page(collection: dict[str, Any]) -> str:
    folders = [
        (folder["name"], list(filter(_is_whole, requests_of(folder))))
        for folder in collection["item"]
    ]
    return _TITLE + "".join(_block(name, items) for name, items in folders if items)


def _script(item: dict[str, Any]) -> str:
    return "\n".join(line for event in item["event"] for line in event["script"]["exec"])


def _is_whole(item: dict[str, Any]) -> bool:
    wanted = set(re.findall(r"\{\{(\w+)\}\}", json.dumps(item["request"])))
    return wanted <= _GIVEN and _LOOPS not in _script(item)


def _status(item: dict[str, Any]) -> str:
    (status,) = set(re.findall(r"have\.status\((\d{3})\)", _script(item)))
    return str(status)


def _headers(request: dict[str, Any]) -> list[str]:
    tokens = request.get("auth", {}).get("bearer", ())
    named = [f"{header['key']}: {header['value']}" for header in request["header"]]
    return named + [f"Authorization: Bearer {token['value']}" for token in tokens]


def _request(item: dict[str, Any]) -> str:
    request = item["request"]
    headers = _headers(request)
    title = f"### {item['name']} -> {_status(item)}"
    lines = [title, f"{request['method']} {request['url']['raw']}"]
    body = request.get("body", {}).get("raw", "")
    return "\n".join([*lines, *headers, *(["", body] if body else []), ""])


def _block(name: str, items: list[dict[str, Any]]) -> str:
    lines = "\n".join(f"# {item['name']}\n{_curl(item['request'])}" for item in items)
    promised = ", ".join(f"`{_status(item)}`" for item in items)
    return (
        f"\n{name.partition('. ')[2]}:\n\n```sh\n{lines}\n```\n\n\N{RIGHTWARDS ARROW} {promised}\n"
    )


def _curl(request: dict[str, Any]) -> str:
    method, body = request["method"], " ".join(request.get("body", {}).get("raw", "").split())
    common = "POST" if body else "GET"
    how = [] if method == common else ["-I"] if method == "HEAD" else ["-X", method]
    told = [header for header in _headers(request) if not header.startswith("Content-Type")]
    options = [part for header in told for part in ("-H", f'"{header}"')]
    data = ["-d", quote(body)] if body else []
    line = " ".join(["curl", "-si", *how, f'"{request["url"]["raw"]}"', *options, *data])
    return line.replace("{{base_url}}", "$BASE").replace("{{key}}", "$KEY")


if __name__ == "__main__":
    calls = json.loads(COLLECTION.read_text())
    HTTP_FILE.write_text(http_file(calls))
    CURL_PAGE.write_text(curl_page(calls))
