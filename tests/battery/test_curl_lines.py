"""The curl lines of ``docs/http``, pasted into bash part by part as a reader would."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from cardiorisk.routes import API_ROUTES
from tests.battery.derived import CURL_FILE
from tests.processes import Server, require_program
from tests.support import create_key

BEGINNING, *PARTS = re.split(r"^## .*\n", CURL_FILE.read_text(), flags=re.MULTILINE)


@pytest.fixture(scope="module")
def outputs(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each part has printed, in one bash."""
    require_program("curl", "apt-get install curl")
    directory = tmp_path_factory.mktemp("pasted")
    keys = [create_key(server.settings, f"part-{n}", "premium") for n in range(len(PARTS))]
    script = BEGINNING + "".join(
        f"KEY={key}\n{{\n{part}\n}} > {place}.out 2>&1 || true\n"
        for place, (part, key) in enumerate(zip(PARTS, keys, strict=True))
    )
    subprocess.run(
        ["bash", "-u", "-c", script],  # noqa: S607 - the reader's own bash
        cwd=directory,
        env=os.environ | {"BASE": f"http://{server.address}"},
        check=True,
        capture_output=True,
    )
    return [(directory / f"{place}.out").read_text() for place in range(len(PARTS))]


def test_every_call_gets_the_status_that_it_promises(outputs: list[str]) -> None:
    for part, printed in zip(PARTS, outputs, strict=True):
        promised = re.findall(r"^# .* -> (\d{3})$", part, re.MULTILINE)
        got = re.findall(r"^HTTP/1\.1 (\d{3})", printed, re.MULTILINE)
        assert got == promised != [], part


@pytest.mark.usefixtures("outputs")
def test_every_route_and_method_is_in_the_curl_lines(server: Server) -> None:
    sent = {(line["method"], line["route"]) for line in server.log_lines()}
    served = {(method, r.template) for r in API_ROUTES for method in r.handler.allowed_methods}
    assert served <= sent
