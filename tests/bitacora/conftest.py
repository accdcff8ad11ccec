"""Fixtures of the bitácora's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.bitacora.support import Disk

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def log_dir(tmp_path: Path) -> Path:
    return tmp_path / "logs"
