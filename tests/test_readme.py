"""Pages walked from top to bottom in an empty directory: commands and answers are as printed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import require_program, unmeasured
from tests.proxies import free_port

ROOT = Path(__file__).parent.parent
WALKED = ["README.md", *(f"docs/{name}.md" for name in ("api", "backup", "bitacora", "files"))]
NETWORK = f"mkdir -p model && cp {ROOT}/cardiorisk/artefact/* model"
"""In the place of a training, which the walk of ``entrenamiento.md`` does."""

BECOME_OPERATOR = (
    'until command curl --silent --fail $BASE/operator/overview -H "Authorization: $KEY" '
    "> operator.json; do sleep 0.1; done"
)
"""In the place of a second's sleep, which may not be enough for a busy machine."""

PRELUDE = """
set -euo pipefail
curl() { command curl --silent --show-error --fail-with-body "$@"; }
TODAY=$(date +%F)
date() { echo "$TODAY"; }  # which does not end in the middle
stop() { kill "$SERVER" && wait "$SERVER" || true; }
start() {
  : > server.txt
  "$@" > server.txt 2>&1 & SERVER=$!
  trap stop EXIT
  until grep --quiet "^Stop with" server.txt; do kill -0 "$SERVER" && sleep 0.1; done
}
start cardiorisk serve
PRINTED=$(grep --only-matching --max-count 1 "crk_[[:alnum:]]*" server.txt)
"""


def walked_blocks(page: str) -> list[tuple[str, str]]:
    """Return each block of shell with the answer that is printed right after it, or nothing."""
    block = r"^```sh\n(.*?)^```$(?:\n\n```(?:json|http)\n(.*?)^```$)?"
    found = re.findall(block, (ROOT / page).read_text(), re.DOTALL | re.MULTILINE)
    return [(lines, answer) for lines, answer in found if not lines.startswith("make ")]


def printed_as_run(block: str, answer: str, directory: Path) -> str:
    """Return a block with what a reader fills in or has running filled in."""
    block = re.sub(r"^python train.py .*$", NETWORK, block, flags=re.MULTILINE)
    block = re.sub(r"^sleep 1 .*$", BECOME_OPERATOR, block, flags=re.MULTILINE)
    block = re.sub(
        r"^(\w+=\S+) cardiorisk serve$", r"stop; export \1; start cardiorisk serve", block
    )
    block = re.sub(r"/(media|var)/", rf"{directory}/\1/", block)
    newest_key = "$(cardiorisk keys list --json | grep -o 'key_[0-9a-f]*' | tail -1)"
    block = block.replace("crk_…", "$PRINTED").replace("KEY_ID", newest_key)
    is_refused = re.search(r'"status": [45]', answer)
    return f"({block}) || true" if is_refused else block


@pytest.mark.parametrize("page", WALKED)
def test_every_command_of_a_page_runs_in_its_order(page: str, tmp_path: Path) -> None:
    require_program("curl", "apt-get install curl")
    bash = require_program("bash", "apt-get install bash")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    port = str(free_port())
    blocks = walked_blocks(page)
    script = PRELUDE + "\n".join(
        f"echo '## {place}'\n{printed_as_run(block, answer, tmp_path)}"
        for place, (block, answer) in enumerate(blocks)
    )
    environment = unmeasured() | {
        "PATH": f"{sys.prefix}/bin:{os.environ['PATH']}",
        "CARDIORISK_PORT": port,
        "CARDIORISK_ENGINE": "litert",
    }
    walk = subprocess.run(
        [bash, "-c", script.replace("127.0.0.1:8888", f"127.0.0.1:{port}")],
        cwd=tmp_path,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert walk.returncode == 0, walk.stdout[-3000:] + walk.stderr[-3000:]
    _, *printed = re.split(r"^## \d+$", walk.stdout, flags=re.MULTILINE)
    for output, (block, answer) in zip(printed, blocks, strict=True):
        pattern = re.escape("".join(answer.split())).replace("…", ".*")
        assert re.search(pattern, "".join(output.split())), block + output
