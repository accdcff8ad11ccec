"""The `.http` file for VS Code and JetBrains, written from the Postman collection.

It holds what needs nothing of an answer before: the two editors read answers in different ways.
Where the collection has changed: python -m tests.battery.http_file
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
COLLECTION = DOCS / "postman" / "cardiorisk.postman_collection.json"
HTTP_FILE = DOCS / "http" / "cardiorisk.http"
_GIVEN = {"base_url", "key"}
_LOOPS = "setNextRequest"
_HEAD = """\
# The calls of the Postman collection that need no answer before them, for VS Code (REST Client) and
# JetBrains. Written by tests/battery/http_file.py, and run by `make test`.
# Put your key here: .venv/bin/cardiorisk keys create --account http --plan premium
@base_url = http://127.0.0.1:8888
@key = crk_

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


def _script(item: dict[str, Any]) -> str:
    return "\n".join(line for event in item["event"] for line in event["script"]["exec"])


def _is_whole(item: dict[str, Any]) -> bool:
    wanted = set(re.findall(r"\{\{(\w+)\}\}", json.dumps(item["request"])))
    return wanted <= _GIVEN and _LOOPS not in _script(item)


def _request(item: dict[str, Any]) -> str:
    request = item["request"]
    (status,) = set(re.findall(r"have\.status\((\d{3})\)", _script(item)))
    headers = [f"{header['key']}: {header['value']}" for header in request["header"]]
    tokens = request.get("auth", {}).get("bearer", ())
    headers += [f"Authorization: Bearer {token['value']}" for token in tokens]
    lines = [f"### {item['name']} -> {status}", f"{request['method']} {request['url']['raw']}"]
    body = request.get("body", {}).get("raw", "")
    return "\n".join([*lines, *headers, *(["", body] if body else []), ""])


if __name__ == "__main__":
    HTTP_FILE.write_text(http_file(json.loads(COLLECTION.read_text())))
