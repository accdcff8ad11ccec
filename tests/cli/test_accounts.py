"""``cardiorisk accounts``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
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


def test_plan_changes_the_plan(call: Call) -> None:
    assert call("accounts", "plan", "ana", "premium").exit_code == 0
    assert _listed(call)["plan"] == "premium"


def test_plan_says_what_it_allows(call: Call) -> None:
    result = call("accounts", "plan", "ana", "premium")
    assert (result.stdout, result.stderr) == ("", "ana is on premium: 50 requests a minute.\n")


def test_plan_refuses_one_that_is_not_set(call: Call) -> None:
    result = call("accounts", "plan", "ana", "gold")
    assert result.exit_code == 1
    assert result.stderr.startswith("cardiorisk: there is no plan gold; there are freemium")


def test_plan_of_an_unknown_account_fails_in_one_line(call: Call) -> None:
    result = call("accounts", "plan", "nobody", "premium")
    assert (result.exit_code, result.stderr) == (
        1,
        "cardiorisk: there is no account nobody; see `cardiorisk accounts list`\n",
    )


@pytest.mark.parametrize(
    ("state", "is_operator", "message"),
    [("on", True, "ana is an operator.\n"), ("off", False, "ana is no operator.\n")],
)
def test_operator_makes_one_and_unmakes_one(
    call: Call, *, state: str, is_operator: bool, message: str
) -> None:
    call("accounts", "operator", "ana", "on")
    assert call("accounts", "operator", "ana", state).stderr == message
    assert _listed(call)["operator"] is is_operator


def test_operator_of_an_unknown_account_fails(call: Call) -> None:
    assert call("accounts", "operator", "nobody", "on").exit_code == 1


def test_operator_takes_on_and_off_only(call: Call) -> None:
    assert call("accounts", "operator", "ana", "maybe").exit_code == 2


def test_suspend_is_shown_in_the_list_until_resume(call: Call) -> None:
    assert call("accounts", "suspend", "ana").stderr == "ana is suspended.\n"
    assert re.fullmatch(r"[0-9-]{10}T[0-9:]{8}Z", str(_listed(call)["suspended_at"]))
    assert call("accounts", "resume", "ana").stderr == "ana is not suspended.\n"
    assert _listed(call)["suspended_at"] is None


@pytest.mark.parametrize("command", ["suspend", "resume"])
def test_an_unknown_account_can_be_neither_suspended_nor_resumed(call: Call, command: str) -> None:
    result = call("accounts", command, "nobody")
    assert (result.exit_code, result.stderr) == (
        1,
        "cardiorisk: there is no account nobody; see `cardiorisk accounts list`\n",
    )
