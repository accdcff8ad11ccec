"""The Postman collection's calls in other forms: an `.http` file for editors, and curl lines.

What needs a program is left out: loops until a minute has ended, and keys and tokens that are made
wrong. Where the collection has changed: python -m tests.battery.derived
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote
from typing import Any

DOCS = Path(__file__).parents[2] / "docs"
COLLECTION = DOCS / "postman" / "cardiorisk.postman_collection.json"
HTTP_FILE = DOCS / "http" / "cardiorisk.http"
CURL_FILE = DOCS / "http" / "curl.sh"
Step = tuple[dict[str, Any], dict[str, str], dict[str, str]]
"""A call, which answer gave each variable that it may use, and where its own has others."""
_GIVEN = {"base_url": "", "key": "", "run": "", "password": ""}
_VARIABLE = re.compile(r"\{\{(\w+)\}\}")
_SET = re.compile(r'collectionVariables\.set\("(\w+)", pm\.response\.json\(\)\.([\w.\[\]]+)\)')
_HEAD = """\
# The calls of the Postman collection for VS Code (REST Client), in whose way one uses an answer of
# another: {{log_in.response.body.access_token}}. JetBrains sends those that need no answer.
# Written by tests/battery/derived.py, and run by `make test`.
# Put your key here: .venv/bin/cardiorisk keys create --account http --plan premium
@base_url = http://127.0.0.1:8888
@key = crk_
# Raise it to run the calls again, as names can be registered once.
@run = 1
@password = clave-de-prueba

"""
PATIENT = (
    '{ "nivel_colesterol": 2.0, "presion_arterial": 1.2, "azucar": 1.0, "edad": 40, '
    '"sobrepeso": 1, "tabaquismo": 0 }'
)
"""The body of many calls."""
_BEGINNING = f"""\
# The calls of the Postman collection by curl, with the status that each gets, for bash. Paste them
# part by part, with BASE and KEY set as in README.md: a key on premium is good for one a minute.
# Written by tests/battery/derived.py, and run by `make test`.
RUN=$(date +%s) PASSWORD=clave-de-prueba
PATIENT='{PATIENT}'
"""


def requests_of(folder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Walk a folder's requests in the order in which they are run."""
    for item in folder["item"]:
        if "item" in item:
            yield from requests_of(item)
        else:
            yield item


def steps_of(collection: dict[str, Any]) -> Iterator[tuple[str, list[Step]]]:
    """Give the calls of each folder that can be made one after the other by hand."""
    known = dict(_GIVEN)
    for folder in collection["item"]:
        steps: list[Step] = []
        for item in requests_of(folder):
            script = "\n".join(line for event in item["event"] for line in event["script"]["exec"])
            wanted = set(_VARIABLE.findall(json.dumps(item["request"])))
            is_full = "have.status(429)" in script  # which takes a loop
            if wanted <= known.keys() and "setNextRequest" not in script and not is_full:
                gives = {name: path for name, path in _SET.findall(script) if name not in _GIVEN}
                steps.append((item, dict(known), gives))
                known |= {name: f"{_slug(item)}.response.body.{gives[name]}" for name in gives}
        yield folder["name"].partition(". ")[2], steps


def http_file(collection: dict[str, Any]) -> str:
    steps = [step for _, found in steps_of(collection) for step in found]
    return _HEAD + "\n".join(_request(*step) for step in steps)


def curl_file(collection: dict[str, Any]) -> str:
    return _BEGINNING + "".join(_part(name, steps) for name, steps in steps_of(collection))


def _slug(item: dict[str, Any]) -> str:
    return re.sub(r"\W+", "_", item["name"].lower())


def _status(item: dict[str, Any]) -> str:
    script = "\n".join(line for event in item["event"] for line in event["script"]["exec"])
    (status,) = set(re.findall(r"have\.status\((\d{3})\)", script))
    return str(status)


def _headers(request: dict[str, Any]) -> list[str]:
    tokens = request.get("auth", {}).get("bearer", ())
    named = [f"{header['key']}: {header['value']}" for header in request["header"]]
    return named + [f"Authorization: Bearer {token['value']}" for token in tokens]


def _filled(text: str, known: dict[str, str], form: Callable[[str, str], str]) -> str:
    return _VARIABLE.sub(lambda found: form(found[1], known[found[1]]), text)


def _request(item: dict[str, Any], known: dict[str, str], gives: dict[str, str]) -> str:
    request = item["request"]
    name = [f"# @name {_slug(item)}"] if gives else []
    lines = [f"### {item['name']} -> {_status(item)}", *name]
    lines += [f"{request['method']} {request['url']['raw']}", *_headers(request)]
    body = request.get("body", {}).get("raw", "")
    text = "\n".join([*lines, *(["", body] if body else []), ""])
    return _filled(text, known, lambda name, source: f"{{{{{source or name}}}}}")


def _part(name: str, steps: list[Step]) -> str:
    calls = [
        f"# {item['name']} -> {_status(item)}\n{_curl(item, gives)}\n" for item, _, gives in steps
    ]
    return f"\n## {name}\n{''.join(calls)}"


def _curl(item: dict[str, Any], gives: dict[str, str]) -> str:
    request = item["request"]
    method, body = request["method"], " ".join(request.get("body", {}).get("raw", "").split())
    common = "POST" if body else "GET"
    how = [] if method == common else ["-I"] if method == "HEAD" else ["-X", method]
    told = [header for header in _headers(request) if not header.startswith("Content-Type")]
    options = [part for header in told for part in ("-H", f'"{header}"')]
    line = " ".join(["curl", "-si", *how, f'"{request["url"]["raw"]}"', *options])
    line = _VARIABLE.sub(lambda found: "$" + _shell(found[1]), line)
    if body:
        known = '"$PATIENT"' if body == PATIENT else quote(body)
        line += " -d " + _VARIABLE.sub(lambda found: f"'\"${_shell(found[1])}\"'", known)
    taken = [
        rf"""{_shell(name)}=$(grep -o '"{member}":\[*"[^"]*' a.txt | sed 's/.*"//;q')"""
        for name, member in ((name, path.partition("[")[0]) for name, path in gives.items())
    ]
    return "\n".join([line + (" | tee a.txt" if gives else ""), *taken])


def _shell(name: str) -> str:
    return "BASE" if name == "base_url" else name.upper()


if __name__ == "__main__":
    calls = json.loads(COLLECTION.read_text())
    HTTP_FILE.write_text(http_file(calls))
    CURL_FILE.write_text(curl_file(calls))
