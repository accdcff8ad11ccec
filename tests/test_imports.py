"""The import contracts name every room: one that none of them names could import anything."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {
    path.stem
    for path in (ROOT / "cardiorisk").iterdir()
    if path.suffix == ".py" or (path / "__init__.py").exists()
} - {"__init__"}


@pytest.mark.parametrize(
    ("library", "knowing"),
    [
        ("tornado", {"app", "server", "web"}),
        ("sqlalchemy", {"migrations", "store", "tables"}),
        ("alembic", {"migrations", "store", "tables"}),
        ("tensorflow", {"engines", "network"}),
        ("keras", {"engines", "network"}),
        ("ai_edge_litert", {"engines", "network"}),
        ("argon2", {"passwords"}),
        ("jwt", {"tokens"}),
        ("prometheus_client", {"metrics"}),
    ],
)
def test_every_other_room_is_forbidden_the_library(library: str, knowing: set[str]) -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    forbidden = {
        room.removeprefix("cardiorisk.")
        for name in setup.sections()
        if name.startswith("importlinter:contract:")
        and library in setup[name].get("forbidden_modules", "").split()
        for room in setup[name]["source_modules"].split()
    }
    assert ROOMS - forbidden == knowing
