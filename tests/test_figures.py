"""Figures in the documents' sentences are those of the code and of the measurements."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks.results import SERVERS, Server, read_run
from cardiorisk.accounts.operated import UNUSED
from cardiorisk.bitacora.chain import MOST_LINES
from cardiorisk.bitacora.reader import MOST_SEARCHED_BYTES
from cardiorisk.cli.serve import serve
from cardiorisk.config import load_settings
from cardiorisk.http1 import connection, parsing
from cardiorisk.identity import passwords, tokens
from cardiorisk.limits import throttle
from cardiorisk.model import predictor
from cardiorisk.model.card import load_card
from cardiorisk.model.changes import MOST_CHANGES
from cardiorisk.pages import assessments, deeds
from cardiorisk.store import memo
from cardiorisk.store.rows_assessments import MOST_SEARCHED
from cardiorisk.store.rows_keys import MOST_ACTIVE_KEYS
from cardiorisk.training.data import BACKGROUND_ROWS, GRID_STEPS
from cardiorisk.web.batches import MOST_PATIENTS
from cardiorisk.web.proxies import MOST_HOPS
from cardiorisk.web.tornado_inside import BODY_LIMIT_BYTES

ROOT = Path(__file__).parent.parent
KIB = 1024
CARD = load_card(load_settings().model_dir)
BETWEEN_STEPS = f"{100 * (CARD.metrics.keras.between_steps_accuracy or 0):.1f} %"
CELLS = f"{math.prod(map(len, GRID_STEPS)):,}"
ACCESS_MINUTES = tokens.ACCESS_LIFETIME.total_seconds() / 60
SAID = [
    ("../README", f"all {CELLS} combinations"),
    ("../README", f"right about {BETWEEN_STEPS}"),
    ("informe", f"las {CELLS} combinaciones".replace(",", ".")),
    ("informe", f"acierta el {BETWEEN_STEPS}".replace(".", ",")),
    ("api", f"mean over {BACKGROUND_ROWS} reference patients"),
    ("api", f"1 to {MOST_PATIENTS:,} `pacientes`"),
    ("api", f"lasts {ACCESS_MINUTES:.0f} minutes"),
    ("api", f"for {tokens.REFRESH_LIFETIME.days} days"),
    ("api", f"has {MOST_ACTIVE_KEYS} active keys at most"),
    ("api", f"of {BODY_LIMIT_BYTES // KIB} KiB at most"),
    ("api", f"whole within {connection.BODY_SECONDS:.0f} seconds"),
    ("api", f"{throttle.CHANGES.most} changes of keys and sessions a minute"),
    ("api", f"looks at {MOST_SEARCHED_BYTES // KIB**2} MiB of log"),
    ("api", f"there are {['no', 'one', 'two', 'three', 'four', 'five'][MOST_CHANGES]} at most"),
    ("errors", f"within {connection.BODY_SECONDS:.0f} seconds of the headers"),
    ("errors", f"over {parsing.MOST_HEAD_BYTES // KIB} KiB or {parsing.MOST_HEAD_LINES} lines"),
    ("errors", f"headers that take over {connection.QUIET_SECONDS:.0f} seconds"),
    ("errors", f"within {connection.TAKING_SECONDS / 60:.0f} minutes"),
    ("errors", f"for {connection.LINGER_SECONDS:.0f} seconds and 64 MiB more"),
    ("errors", f"over {parsing.MOST_EXCESS_BYTES // KIB} KiB more than the body"),
    ("informe", f"a lo sumo {predictor.QUEUE_LIMIT:,}".replace(",", ".")),
    ("informe", f"{memo.MOST_ENTRIES:,} de cada una".replace(",", ".")),
    ("metrics", f"over {predictor.QUEUE_LIMIT:,} patients, or {predictor.ALONE_QUEUE_LIMIT}"),
    ("proxies", f"a stranger has {throttle.NAMES.most} wrong passwords for a name"),
    ("proxies", f"and {throttle.ADDRESSES.most} from an address"),
    ("proxies", f"{throttle.REGISTRATIONS.most} in an hour from an address"),
    ("proxies", f"{throttle.TAKEN.most} taken names in five minutes"),
    ("proxies", f"{throttle.LOGINS.most} times each in five minutes"),
    ("proxies", f"{86_400 // throttle.NAMES.seconds * throttle.NAMES.most:,} in a day"),
    ("proxies", f"and {passwords.MOST_WAITING} may wait"),
    ("proxies", f"with {throttle.MOST_COUNTED:,} names or addresses"),
    ("proxies", f"{MOST_HOPS} hops are read"),
    ("bitacora", f"after {MOST_LINES:,} lines or a second"),
    ("pages", f"the first {assessments.MOST_EXPORTED:,} at most"),
    ("pages", f"the newest {MOST_SEARCHED:,}"),
    ("pages", f"({deeds.MOST_DEEDS:,} forms)"),
    ("pages", f"nobody has used for {UNUSED.days} days"),
]


@pytest.mark.parametrize(("page", "said"), SAID)
def test_a_limit_in_a_page_is_the_one_in_the_code(page: str, said: str) -> None:
    assert said in " ".join((ROOT / "docs" / f"{page}.md").read_text().split())


def test_start_and_memory_in_the_help_are_what_was_measured() -> None:
    measured: dict[str, Server] = {server.name: server for server in read_run(SERVERS).servers}
    keras, litert = measured["keras"], measured["litert"]
    options = {each.name: each for each in serve.params}
    said = json.dumps(options["engine"].to_info_dict())
    assert "about five seconds" in said
    assert round(keras.start_seconds) == 5
    assert "starts in a second" in said
    assert litert.start_seconds < 1
    for server in (keras, litert):
        assert f"takes {server.start_memory_mb / 1000:.1f} GB" in said
