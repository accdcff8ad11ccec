"""The languages of the pages."""

import re
from pathlib import Path

from cardiorisk import pages
from cardiorisk.pages.assess import PATIENTS
from cardiorisk.pages.languages import load_translations
from cardiorisk.patients.patient import FIELDS

PAGES = Path(pages.__file__).parent
STATIC = PAGES / "static"


def test_every_text_of_the_pages_has_its_spanish_and_no_spanish_is_left_over() -> None:
    templates = "".join(path.read_text() for path in (PAGES / "templates").iterdir())
    scripts = "".join(path.read_text() for path in STATIC.glob("*.js") if path.name != "docs.js")
    used = {text for _, text in re.findall(r"""_\((["'])(.*?)\1\)""", templates)}
    modules = "".join(path.read_text() for path in PAGES.glob("*.py"))
    used |= set(re.findall(r'marked\(\s*"(.*?)"', modules))
    used |= set(re.findall(r'say\("(.*?)"', scripts))
    used |= {text for field in FIELDS for text in (field.description, field.unit, field.hint)}
    used |= PATIENTS.keys()
    used |= {
        f"Must be {kind} from {{minimum}} to {{maximum}}" for kind in ("a number", "an integer")
    }
    assert used - {""} == load_translations().keys()


def test_a_translation_names_the_same_values() -> None:
    for english, spanish in load_translations().items():
        pattern = r"\{\w+\}|%\(\w+\)[dgs]"
        assert sorted(re.findall(pattern, english)) == sorted(re.findall(pattern, spanish))
