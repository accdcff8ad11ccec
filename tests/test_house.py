"""The manners of the house that no other checker holds."""

import ast
import re
from collections import Counter
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "cardiorisk"
SOURCES = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
TESTS = {
    path: path.read_text(encoding="utf-8") for path in PACKAGE.with_name("tests").rglob("*.py")
}


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
        for path, text in (SOURCES | TESTS).items()
        for line in text.splitlines()
        if re.search(r"# (noqa: [A-Z0-9, ]+|type: ignore\[[\w, -]+\])$", line.strip())
    ]
    assert bare == []


def test_the_folders_say_what_they_are_and_hold_nothing_else() -> None:
    for path, text in SOURCES.items():
        if path.name == "__init__.py" and path.parent != PACKAGE:
            assert re.fullmatch(r'"""[^"]+"""\n', text), path


def test_no_module_is_part_of_an_import_circle() -> None:
    """What is imported for its types counts too: who reads one has to read the other."""
    modules = {_module(path): ast.parse(text) for path, text in SOURCES.items()}
    imports = {name: _imports(tree, set(modules)) for name, tree in modules.items()}
    seen: set[str] = set()

    def circle(name: str, way: tuple[str, ...] = ()) -> tuple[str, ...]:
        if name in way:
            return (*way[way.index(name) :], name)
        if name in seen:
            return ()
        seen.add(name)
        found = (circle(imported, (*way, name)) for imported in sorted(imports[name]))
        return next(filter(None, found), ())

    assert [" -> ".join(found) for found in map(circle, sorted(imports)) if found] == []


def _module(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


def _imports(tree: ast.Module, modules: set[str]) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports name the whole way"
            within = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in modules else str(node.module) for name in within}
    return names & modules
