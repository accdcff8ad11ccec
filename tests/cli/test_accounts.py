"""``cardiorisk accounts``."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import Call


@pytest.fixture(autouse=True)
def ana(call: Call) -> None:
    """Make an account ana on freemium."""
    call("keys", "create", "--account", "ana")


def _listed(call: Call) -> dict[str, object]:
    """Return the only account there is."""
    (row,) = json.loads(call("accounts", "list", "--json").stdout)
    return dict(row)


def test_list_has_a_line_of_names_and_one_for_each_account(call: Call) -> None:
    call("keys", "create", "--account", "bruno", "--plan", "premium")
    lines = [line.split("\t") for line in call("accounts", "list").stdout.splitlines()]
    assert [line[:4] for line in lines] == [
        ["account", "plan", "operator", "active_keys"],
        ["ana", "freemium", "no", "1"],
        ["bruno", "premium", "no", "1"],
    ]


def test_list_as_json_is_an_array_of_objects(call: Call) -> None:
    row = _listed(call)
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", str(row.pop("created_at")))
    assert row == {
        "account": "ana",
        "plan": "freemium",
        "operator": False,
        "active_keys": 1,
        "email": None,
        "suspended_at": None,
    }


def test_plan_changes_the_plan_and_says_what_it_allows(call: Call) -> None:
    result = call("accounts", "plan", "ana", "premium")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "ana is on premium: 50 requests a minute.\n"
    assert _listed(call)["plan"] == "premium"


def test_operator_makes_one_and_unmakes_one_while_another_is_left(call: Call) -> None:
    assert call("accounts", "operator", "ana", "on").stderr == "ana is an operator.\n"
    assert _listed(call)["operator"] is True
    call("keys", "create", "--account", "bruno")
    call("accounts", "operator", "bruno", "on")
    assert call("accounts", "operator", "ana", "off").stderr == "ana is no operator.\n"


def test_suspend_is_shown_in_the_list_until_resume(call: Call) -> None:
    assert call("accounts", "suspend", "ana").stderr == "ana is suspended.\n"
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", str(_listed(call)["suspended_at"]))
    assert call("accounts", "resume", "ana").stderr == "ana is not suspended.\n"
    assert _listed(call)["suspended_at"] is None


@pytest.mark.parametrize(
    "arguments",
    [("plan", "nobody", "premium"), ("operator", "nobody", "on"), ("suspend", "nobody")],
)
def test_an_unknown_account_is_told_in_one_line(call: Call, arguments: tuple[str, ...]) -> None:
    result = call("accounts", *arguments)
    assert (result.exit_code, result.stderr) == (
        1,
        "cardiorisk: there is no account nobody; see `cardiorisk accounts list`\n",
    )
