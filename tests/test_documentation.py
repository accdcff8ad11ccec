"""What users may rely on is written down: settings, errors, fields and routes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import Table
from tornado.web import RequestHandler

from cardiorisk.config import PREFIX, Settings
from cardiorisk.patients.patient import FIELDS, Field
from cardiorisk.routes import API_ROUTES, ROUTES
from cardiorisk.store.tables import Base
from cardiorisk.web.batches import BatchingHandler
from cardiorisk.web.handlers import AuthenticatedHandler, IdentifiedHandler, OperatorHandler
from cardiorisk.web.operations import Route
from cardiorisk.web.problems import PROBLEMS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PACKAGE = ROOT / "cardiorisk"
TESTS = ROOT / "tests"
REPORT = (DOCS / "informe.md").read_text()
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text()
README = (ROOT / "README.md").read_text()
API = (DOCS / "api.md").read_text()
PAGES = (DOCS / "pages.md").read_text()
PROSE = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
REQUEST = r"(GET|POST|DELETE|QUERY) (/[\w/{}]+)"


def row_of(page: str, first_cell: str) -> str:
    """Return the row of a Markdown table that starts with this cell."""
    rows = [
        line
        for line in (DOCS / page).read_text().splitlines()
        if line.startswith(f"| `{first_cell}` ")
    ]
    assert len(rows) == 1, f"{page} has {len(rows)} rows for {first_cell}"
    return rows[0]


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented_with_its_variable(name: str) -> None:
    assert f"`{PREFIX}{name.upper()}`" in row_of("settings.md", name)


@pytest.mark.parametrize("code", PROBLEMS)
def test_every_error_code_is_documented_with_its_status(code: str) -> None:
    status = PROBLEMS[code].status
    if status == 499:
        assert f"`{code}` (499)" in (DOCS / "errors.md").read_text()
    else:
        assert f" {status} " in row_of("errors.md", code)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.wire_name)
def test_every_field_is_in_the_readme_with_its_range(field: Field) -> None:
    row = re.search(rf"^\| `{field.wire_name}` .*$", README, re.MULTILINE)
    assert row
    if field.kind == "flag":
        assert "0, 1, false, true" in row[0]
    else:
        low, high = re.findall(r"([0-9.]+) \u2013 ([0-9.]+)", row[0])[0]
        assert (float(low), float(high)) == (field.minimum, field.maximum)


@pytest.mark.parametrize("template", [route.template for route in ROUTES if not route.tag])
def test_every_page_is_described(template: str) -> None:
    assert f"`{template}`" in PAGES


@pytest.mark.parametrize("route", API_ROUTES, ids=lambda route: route.template)
def test_the_table_of_routes_says_what_each_needs_and_draws(route: Route) -> None:
    described = {
        pattern: (needed, drawn)
        for named, needed, drawn in re.findall(r"^\| (`/.*) \| (.+) \| (.+) \|$", API, re.MULTILINE)
        for pattern in re.findall(r"`(/\S*)`", named)
        if re.fullmatch(re.escape(pattern).replace("…", ".*"), route.template)
    }
    needed, drawn = described[max(described, key=len)]
    handler = route.handler
    is_for_operators = issubclass(handler, OperatorHandler)
    assert ("operator" in needed) == is_for_operators
    is_for_keys = issubclass(handler, IdentifiedHandler) and not is_for_operators
    assert (needed == "a key or a token") == is_for_keys
    assert drawn.startswith("one") == issubclass(handler, AuthenticatedHandler)
    assert drawn.endswith("a patient") == issubclass(handler, BatchingHandler)


@pytest.mark.parametrize("page", PROSE, ids=lambda p: p.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
    for target, anchor in re.findall(r"\]\(([\w./-]*\.md)?#([^)]+)\)", page.read_text()):
        headings = re.findall(
            r"^#+ (.+)$", (page.parent / (target or page)).read_text(), re.MULTILINE
        )
        slugs = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
        assert anchor in slugs, f"{target}#{anchor}"


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *(DOCS / "decisions").glob("*.md")], ids=lambda p: p.name
)
def test_every_file_or_folder_that_is_named_exists(page: Path) -> None:
    for name in re.findall(r"`([\w.][\w./-]*(?:\.(?:py|md|csv|cfg)|/))`", page.read_text()):
        assert (ROOT / name).exists() or (PACKAGE / name).exists(), name


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`(test_\w+)`", REPORT))))
def test_every_test_that_the_report_names_exists(name: str) -> None:
    assert any(f"def {name}(" in file.read_text() for file in TESTS.rglob("test_*.py"))


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([\w/]+\.py)`", REPORT))))
def test_every_file_that_the_report_names_exists(name: str) -> None:
    assert any((folder / name).exists() for folder in (ROOT, PACKAGE, TESTS)), name


@pytest.mark.parametrize("table", Base.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_column_is_in_the_diagram_of_the_report(table: Table) -> None:
    drawn = re.search(rf"^    {table.name} {{\n(.*?)^    }}$", REPORT, re.MULTILINE | re.DOTALL)
    assert drawn
    assert {line.split()[1] for line in drawn[1].splitlines()} == set(table.columns.keys())


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([A-Z]\w+)[.`]", ARCHITECTURE))))
def test_every_class_and_table_in_the_architecture_exists(name: str) -> None:
    defined = re.compile(rf"^(class )?{name}\b", re.MULTILINE)
    assert any(defined.search(module.read_text()) for module in PACKAGE.rglob("*.py"))


def test_every_decision_record_is_short_and_numbered_once() -> None:
    records = sorted((DOCS / "decisions").glob("*.md"))
    numbers = [record.name[:4] for record in records]
    assert len(set(numbers)) == len(numbers) > 0
    assert all(len(record.read_text().splitlines()) <= 40 for record in records)


DIAGRAMS = "\n".join(re.findall(r"```mermaid\n(.*?)```", REPORT, re.DOTALL))
[PARTS] = re.findall(r"^flowchart TB\n.*?^(?=\S)", DIAGRAMS, re.DOTALL | re.MULTILINE)
SOURCES = "\n".join(module.read_text() for module in PACKAGE.rglob("*.py"))


@pytest.mark.parametrize(("base", "child"), re.findall(r"(\w+) <\|-- (\w+)", DIAGRAMS))
def test_every_inheritance_that_the_report_draws_is_so(base: str, child: str) -> None:
    bases = re.search(rf"^class {child}\(([^)]*)", SOURCES, re.MULTILINE)
    assert bases
    assert base in re.findall(r"\w+", bases[1])


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", DIAGRAMS))))
def test_every_class_that_the_report_draws_exists(name: str) -> None:
    assert name == RequestHandler.__name__ or re.search(rf"^class {name}\b", SOURCES, re.MULTILINE)


@pytest.mark.parametrize(
    ("above", "below"), re.findall(r"^    (\w+)(?:\[.*\])? --> (\w+)", PARTS, re.MULTILINE)
)
def test_every_import_that_the_report_draws_is_so(above: str, below: str) -> None:
    imported = re.compile(
        rf"^\s*(from cardiorisk\.{below}\b|from cardiorisk import .*\b{below}\b)", re.MULTILINE
    )
    modules = [PACKAGE / f"{above}.py", *(PACKAGE / above).rglob("*.py")]
    assert any(imported.search(module.read_text()) for module in modules if module.exists())


NAMED = re.findall(rf"`{REQUEST}", "\n".join(page.read_text() for page in PROSE))


@pytest.mark.parametrize(("method", "path"), sorted({*re.findall(REQUEST, DIAGRAMS), *NAMED}))
def test_every_request_that_a_page_names_has_its_route(method: str, path: str) -> None:
    template = path.replace("{plan}", "premium")
    [route] = [route for route in ROUTES if route.template == template]
    assert method in route.handler.allowed_methods


def test_the_report_names_all_threads() -> None:
    [table] = re.findall(r"^\| hilo \|.*?\n\n", REPORT, re.DOTALL | re.MULTILINE)
    started = re.findall(r'(?:Worker\(\s*|thread_name_prefix=|Executor\(1, )"([\w-]+)"', SOURCES)
    assert set(re.findall(r"`([a-z]+(?:-[a-z]+)?)`", table)) - {"fsync", "disk"} == set(started)
