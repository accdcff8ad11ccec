"""The languages of the pages."""

import re
from pathlib import Path

import pytest

from cardiorisk import pages
from cardiorisk.pages.assess import PATIENTS
from cardiorisk.pages.languages import load_translations, preferred
from cardiorisk.patients.patient import FIELDS
from cardiorisk.web.documents import ASSET_NAMES

PAGES = Path(pages.__file__).parent
STATIC = PAGES / "static"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "es"),
        ("fr", "es"),
        ("en", "en"),
        ("en-GB,en;q=0.9,es;q=0.8", "en"),
        ("fr, es-MX;q=0.7, en;q=0.3", "es"),
        ("en;q=0, es;q=0.1", "es"),
        ("en;q=x", "es"),
        ("*", "es"),
    ],
)
def test_the_browser_is_given_the_language_that_it_likes_best(header: str, expected: str) -> None:
    assert preferred(header) == expected


def test_every_text_of_the_pages_has_its_spanish_and_no_spanish_is_left_over() -> None:
    templates = "".join(path.read_text() for path in (PAGES / "templates").iterdir())
    scripts = "".join((STATIC / name).read_text() for name in ASSET_NAMES if name.endswith(".js"))
    used = {text for _, text in re.findall(r"""_\((["'])(.*?)\1\)""", templates)}
    modules = "".join(path.read_text() for path in PAGES.glob("*.py"))
    used |= set(re.findall(r'marked\(\s*"(.*?)"', modules))
    used |= set(re.findall(r'say\("(.*?)"', scripts))
    used |= {text for field in FIELDS for text in (field.description, field.unit, field.hint)}
    used |= {name for name, _ in PATIENTS}
    used |= {
        f"Must be {kind} from %(minimum)s to %(maximum)s" for kind in ("a number", "an integer")
    }
    assert used - {""} == load_translations().keys()


def test_a_translation_names_the_same_values() -> None:
    for english, spanish in load_translations().items():
        pattern = r"\{\w+\}|%\(\w+\)[dgs]"
        assert sorted(re.findall(pattern, english)) == sorted(re.findall(pattern, spanish))
