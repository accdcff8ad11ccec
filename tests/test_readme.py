"""The README, walked from top to bottom in an empty directory: every command as it is printed."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

from tests.processes import require_program, unmeasured

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(
    r"^```sh\n(.*?)^```$", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
)
NETWORK = f"mkdir -p model && cp {ROOT}/cardiorisk/artefact/* model"
"""In the place of a training, which the walk of ``entrenamiento.md`` does."""

PRELUDE = """
set -euo pipefail
curl() { command curl --silent --show-error --fail-with-body "$@"; }
stop() { kill "$SERVER" && wait "$SERVER" || true; }
start() {
  "$@" > server.txt 2>&1 & SERVER=$!
  trap stop EXIT
  until grep --quiet "^Stop with" server.txt; do kill -0 "$SERVER" && sleep 0.1; done
}
start cardiorisk serve
PRINTED=$(grep --only-matching --max-count 1 "crk_[[:alnum:]]*" server.txt)
"""


def printed_as_run(block: str) -> str:
    """Return a block with what a reader fills in or has running filled in."""
    block = re.sub(r"^python train.py .*$", NETWORK, block, flags=re.MULTILINE)
    block = re.sub(
        r"^(\w+=\S+) cardiorisk serve$", r"stop; export \1; start cardiorisk serve", block
    )
    newest_key = "$(cardiorisk keys list --json | grep -o 'key_[0-9a-f]*' | tail -1)"
    return block.replace("crk_…", "$PRINTED").replace("KEY_ID", newest_key)


def test_every_command_of_the_readme_runs_in_its_order(tmp_path: Path) -> None:
    require_program("curl", "apt-get install curl")
    bash = require_program("bash", "apt-get install bash")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    walked = [printed_as_run(block) for block in BLOCKS if not block.startswith("make ")]
    script = PRELUDE + "\n".join(f"echo '## {i}'\n{text}" for i, text in enumerate(walked))
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
        timeout=300,
    )
    assert walk.returncode == 0, walk.stdout[-3000:] + walk.stderr[-3000:]
    assert f"## {len(walked) - 1}" in walk.stdout
    assert '"riesgo_cardiaco":true' in walk.stdout
