"""The door to the page's files."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cardiorisk.web import files


def test_without_swagger_ui_the_start_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_SWAGGER_PACKAGE", "no_such_package")
    with pytest.raises(ModuleNotFoundError, match="make install"):
        files.load_files({})


def test_swagger_ui_is_found_and_not_imported() -> None:
    code = (
        "import sys; from cardiorisk.web.files import load_files; load_files({}); "
        "sys.exit('swagger_ui' in sys.modules or 'yaml' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
