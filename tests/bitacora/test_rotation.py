"""The recipe for logrotate: under load no line is lost, and the whole log verifies."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from cardiorisk.bitacora.files import LOG_FILE, is_compressed, list_files
from cardiorisk.bitacora.seal import make_pair, read_key
from cardiorisk.bitacora.verification import verify
from tests.bitacora.support import KEEP_WRITING
from tests.processes import require_program, unmeasured, until

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "docs" / "deploy" / "logrotate.conf"


def rotate(log: Path, logrotate: list[str]) -> None:
    """Rotate three times, each in a second of its own, and wait until the service has followed."""
    for rotations in range(4):
        # The system's coarse clock, by which logrotate names files, lags by some milliseconds.
        next_second = int(time.time()) + 1.1
        until(partial(may_be_rotated, log, rotations, next_second))
        if rotations < 3:
            subprocess.run(logrotate, check=True, capture_output=True)


def may_be_rotated(log: Path, rotations: int, next_second: float) -> bool:
    """Tell whether the service has followed; a file that is still empty is passed over."""
    if len(list_files(log)) <= rotations or time.time() < next_second:
        return False
    return log.exists() and log.stat().st_size > 0


def test_the_recipe_for_logrotate_loses_no_line(tmp_path: Path) -> None:
    logrotate = require_program("logrotate", "apt-get install logrotate")
    log = tmp_path / "logs" / LOG_FILE
    make_pair(tmp_path / "keys", time.time())
    recipe = tmp_path / "logrotate.conf"
    recipe.write_text(RECIPE.read_text().replace("/var/log/cardiorisk", str(log.parent)))
    recipe.chmod(0o644)
    with (
        (tmp_path / "printed").open("wb") as printed,
        subprocess.Popen(
            [sys.executable, "-c", KEEP_WRITING, log.parent, tmp_path / "keys" / "install.key"],
            stdout=printed,
            cwd=ROOT,
            env=unmeasured(),
        ) as process,
    ):
        try:
            rotate(log, [logrotate, "--force", "--state", str(tmp_path / "state"), str(recipe)])
        finally:
            process.kill()
    files = list_files(log)
    assert [is_compressed(file.path) for file in files] == [True, True, False, False]
    found = verify(files, key=read_key(tmp_path / "keys" / "verify.key"))
    assert (found.fault, found.losses) == (None, [])
    lines = (tmp_path / "printed").read_bytes().count(b"\n")
    assert found.lines + found.open_lines in {lines, lines + 1}
