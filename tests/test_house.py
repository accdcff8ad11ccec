"""The manners of the house that no other checker holds."""

import re
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "cardiorisk"
SOURCES = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


def test_no_two_public_classes_share_a_name() -> None:
    names = Counter(
        name
        for text in SOURCES.values()
        for name in re.findall(r"^class ([A-Za-z]\w*)", text, re.MULTILINE)
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_every_exception_to_a_checker_has_its_reason() -> None:
    bare = [
        f"{path.name}: {line.strip()}"
        for path, text in SOURCES.items()
        for line in text.splitlines()
        if re.search(r"# (noqa: [A-Z0-9, ]+|type: ignore\[[\w-]+\])$", line.strip())
    ]
    assert bare == []


def test_the_folders_say_what_they_are_and_hold_nothing_else() -> None:
    for path, text in SOURCES.items():
        if path.name == "__init__.py" and path.parent != PACKAGE:
            assert re.fullmatch(r'"""[^"]+"""\n', text), path
