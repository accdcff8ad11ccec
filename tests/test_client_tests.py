"""The page on testing a client: its file runs as printed, outside the repository."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = (Path(__file__).parent.parent / "docs" / "testing-your-client.md").read_text()


def test_the_printed_file_passes_in_an_empty_directory(tmp_path: Path) -> None:
    [printed] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "test_my_client.py").write_text(printed)
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "ignore::DeprecationWarning"],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
        env=os.environ | {"ASYNC_TEST_TIMEOUT": "60"},  # a busy machine is no fault
        timeout=300,
    )
    assert "3 passed" in run.stdout, run.stdout
