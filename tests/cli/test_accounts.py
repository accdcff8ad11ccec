"""``cardiorisk accounts``."""

from __future__ import annotations

import json
import os
import pty
import re
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from cardiorisk.store import rows_accounts, rows_sessions
from cardiorisk.store.database import open_database
from cardiorisk.store.tables import Session
from tests.cli.conftest import Call, start


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


def test_delete_is_confirmed_and_takes_the_keys(call: Call) -> None:
    asked = call("accounts", "delete", "ana")
    assert (asked.exit_code, "--yes" in asked.stderr) == (2, True)
    assert call("accounts", "delete", "ana", "--yes").stderr == (
        "ana is deleted, with all that was its.\n"
    )
    assert json.loads(call("keys", "list", "--json").stdout) == []
    call("keys", "create", "--account", "ana")
    assert _listed(call)["active_keys"] == 1


@pytest.mark.parametrize(("typed", "left"), [(b"n\n", 1), (b"\n", 1), (b"y\n", 0)])
def test_delete_asks_on_a_terminal(call: Call, typed: bytes, left: int) -> None:
    ours, theirs = pty.openpty()
    os.write(ours, typed)
    result = start("accounts", "delete", "ana", stdin=theirs)
    assert "Delete ana, its 1 active keys and all that it has kept, for good?" in result.stderr
    assert (result.returncode, result.stdout) == (left, "")
    assert len(json.loads(call("accounts", "list", "--json").stdout)) == left


def test_password_is_read_and_ends_every_session() -> None:
    with open_database("sqlite:///keys.db") as database, database.writing() as rows:
        rows_sessions.begin(rows, 1, "session", "refresh", datetime.now(UTC))
    read = start("accounts", "password", "ana", input="correct horse battery\r\n")
    assert (read.returncode, read.stdout) == (0, "")
    assert "its sessions have ended, its keys stay" in read.stderr
    with open_database("sqlite:///keys.db") as database, database.reading() as rows:
        login = rows_accounts.find_login(rows, "ana")
        assert rows.scalars(select(Session.id)).all() == []
    assert login is not None
    assert login.password_hash is not None
    assert PasswordHasher().verify(login.password_hash, "correct horse battery")
    assert login.generation == 1


@pytest.mark.parametrize("given", ["", "short\n", "AnaAnaAna\n", "x" * 129])
def test_password_refuses_what_a_registration_does(call: Call, given: str) -> None:
    call("keys", "create", "--account", "anaanaana")
    result = start("accounts", "password", "anaanaana", input=given)
    assert result.returncode == 1
    assert result.stderr == (
        "cardiorisk: the password must have 8 to 128 characters and not be the name; "
        "nothing has changed\n"
    )
