"""The instructions for training, walked in an empty directory as they are printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.processes import require_program, unmeasured

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "entrenamiento.md").read_text()


def test_the_instructions_train_on_data_of_ones_own_and_serve_the_network(tmp_path: Path) -> None:
    bash = require_program("bash", "apt-get install bash")
    make, train, serve = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert make == "make train\n"
    (tmp_path / "train.py").symlink_to(ROOT / "train.py")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    script = (
        f"set -eu\n{train.rstrip()} --epochs 2\n"
        f"{serve.rstrip()} --port 0 > served.txt & SERVER=$!\n"
        "until grep --quiet '^Stop with' served.txt; do kill -0 $SERVER && sleep 0.1; done\n"
        "kill $SERVER && wait $SERVER\n"
    )
    walk = subprocess.run(
        [bash, "-c", script],
        cwd=tmp_path,
        env=unmeasured(),
        check=False,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert walk.returncode == 0, walk.stdout + walk.stderr
    version = re.search(r"^Network (14-7-1-\w+):", walk.stdout, re.MULTILINE)
    assert version
    assert f"with the network {version[1]}" in (tmp_path / "served.txt").read_text()
    assert {path.name for path in (tmp_path / "mi_modelo").iterdir()} >= {
        "card.es.md",
        "card.json",
        "cardiorisk.keras",
        "cardiorisk.tflite",
        "evaluation.md",
        "precision.png",
    }
