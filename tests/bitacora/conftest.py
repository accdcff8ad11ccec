"""Fixtures of the bitácora's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bitacora.support import Disk


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def log_dir(tmp_path: Path) -> Path:
    return tmp_path / "logs"
