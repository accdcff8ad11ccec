"""``cardiorisk keys``, as somebody at a terminal or a script meets it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cardiorisk.identity.keys import is_well_formed
from tests.cli.conftest import Call, on_terminal, start

MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"


def _listed(call: Call) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(call("keys", "list", "--json").stdout)
    return rows


@pytest.fixture
def key_id(call: Call) -> str:
    """Return the id of a key of an account ana."""
    call("keys", "create", "--account", "ana")
    return str(_listed(call)[0]["key_id"])


# create


def test_create_prints_the_key_alone_and_says_the_rest_on_standard_error(call: Call) -> None:
    result = call("keys", "create", "--account", "ana")
    assert result.exit_code == 0
    assert is_well_formed(result.stdout.removesuffix("\n"))
    assert re.fullmatch(
        r"key_[0-9a-f]{12} of ana \(freemium\) never ends\. The key is shown only this once\.\n",
        result.stderr,
    )
    assert Path("keys.db").exists()


def test_an_account_is_named_as_a_registration_names_it(call: Call) -> None:
    call("keys", "create", "--account", " Jose\u0301 ")
    assert _listed(call)[0]["account"] == "Jos\u00e9"


@pytest.mark.parametrize(
    "arguments", ["keys create --account ana --plan gold", "accounts plan ana gold"]
)
def test_a_plan_that_is_not_set_is_refused(call: Call, arguments: str) -> None:
    result = call(*arguments.split())
    assert result.exit_code == 1
    assert result.stderr == "cardiorisk: plan must be one of freemium, premium\n"


def test_create_with_an_expiry_ends_so_many_days_from_now(call: Call) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    call("keys", "create", "--account", "ana", "--expires", "30")
    ends_at = datetime.fromisoformat(_listed(call)[0]["expires_at"])
    assert before <= ends_at - timedelta(days=30) <= datetime.now(UTC)


def test_create_with_a_limit_below_the_plan_s_gives_it_to_whoever_replaces_the_key(
    call: Call,
) -> None:
    result = call("keys", "create", "--account", "ana", "--limit", "3")
    assert " of ana (freemium, 3 requests a minute) never ends." in result.stderr
    call("keys", "rotate", _listed(call)[0]["key_id"])
    assert [row["limit"] for row in _listed(call)] == [3, 3]


def test_create_with_a_limit_that_limits_nothing_makes_nothing(call: Call) -> None:
    result = call("keys", "create", "--account", "ana", "--plan", "premium", "--limit", "50")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "cardiorisk: limit must be less than the 50 requests a minute that the plan premium "
        "allows\n"
    )
    assert call("accounts", "list", "--json").stdout == "[]\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["create"],
        *(["create", "--account", name] for name in ("", " ", "a\nb", "\x1b[31m")),
        ["create", "--account", "a" * 81],
        *(["create", "--account", "ana", "--name", name] for name in ("", "a\tb", "x" * 81)),
        *(
            ["create", "--account", "ana", "--expires", days]
            for days in ("0", "-1", "36501", "soon", "1.5")
        ),
        *(["create", "--account", "ana", "--limit", limit] for limit in ("0", "-1", "1.5")),
        ["rotate", "key_none", "--grace", "-1"],
    ],
)
def test_what_cannot_be_meant_is_wrong_usage(call: Call, arguments: list[str]) -> None:
    assert call("keys", *arguments).exit_code == 2
    assert not Path("keys.db").exists()


def test_create_into_a_full_disk_says_which_key_to_end() -> None:
    with Path("/dev/full").open("w", encoding="ascii") as full:
        result = start("keys", "create", "--account", "ana", stdout=full)
    assert result.returncode == 1
    assert re.fullmatch(
        r"cardiorisk: (key_\w+) was made but could not be shown \(No space left on device\); "
        r"end it with `cardiorisk keys revoke \1`\n",
        result.stderr,
    )


def test_create_without_standard_output_makes_nothing() -> None:
    command = f"{sys.executable} -m cardiorisk keys create --account ana >&-"
    result = subprocess.run(["/bin/sh", "-c", command], check=False, capture_output=True, text=True)
    assert (result.returncode, Path("keys.db").exists()) == (1, False)
    assert result.stderr == (
        "cardiorisk: standard output is closed, so a new key could not be shown\n"
    )


# list


def test_list_has_a_line_of_names_and_one_for_each_key(call: Call, key_id: str) -> None:
    lines = call("keys", "list").stdout.splitlines()
    columns = (
        "key_id account plan prefix status created_at expires_at revoked_at last_used_at name limit"
    )
    assert lines[0].split("\t") == columns.split()
    assert re.fullmatch(
        rf"{key_id}\tana\tfreemium\tcrk_\w{{6}}\tactive\t{MOMENT}\t-\t-\t-\t-\t-", lines[1]
    )
    assert len(lines) == 2


def test_list_as_json_is_an_array_of_objects(call: Call, key_id: str) -> None:
    (row,) = _listed(call)
    assert re.fullmatch(MOMENT, row.pop("created_at"))
    assert re.fullmatch(r"crk_\w{6}", row.pop("prefix"))
    assert row == {
        "key_id": key_id,
        "account": "ana",
        "plan": "freemium",
        "status": "active",
        "expires_at": None,
        "revoked_at": None,
        "last_used_at": None,
        "name": None,
        "limit": None,
    }


def test_a_key_is_listed_by_the_name_it_was_given(call: Call) -> None:
    call("keys", "create", "--account", "ana", "--name", " Front desk ")
    assert _listed(call)[0]["name"] == "Front desk"


def test_list_without_a_database_says_how_to_get_one(call: Call) -> None:
    result = call("keys", "list")
    assert (result.exit_code, Path("keys.db").exists()) == (1, False)
    assert result.stderr == (
        f"cardiorisk: there is no database at {Path('keys.db').absolute()}; where the service's is "
        "elsewhere, go there or give --database-url; "
        "`cardiorisk serve` or `cardiorisk keys create` makes one\n"
    )


def test_list_on_a_terminal_is_a_table_without_empty_columns(key_id: str) -> None:
    names, row = on_terminal("keys", "list", columns=120).splitlines()
    assert names.split("  ")[0] == "key id"
    assert "last used at" not in names
    assert re.match(rf"{key_id}  ana +freemium  crk_\w{{6}}  active  {MOMENT}", row)


def test_list_on_a_terminal_fits_its_width(key_id: str) -> None:
    del key_id
    shown = on_terminal("keys", "list", columns=60)
    assert all(len(line) <= 60 for line in shown.splitlines())


def test_list_into_a_full_disk_is_one_line(key_id: str) -> None:
    del key_id
    with Path("/dev/full").open("w", encoding="ascii") as full:
        result = start("keys", "list", stdout=full)
    assert (result.returncode, result.stderr) == (1, "cardiorisk: No space left on device\n")


@pytest.mark.usefixtures("key_id")
def test_list_to_a_reader_that_has_had_enough_is_quiet() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        assert start("keys", "list", stdout=pipe).stderr == ""


@pytest.mark.usefixtures("key_id")
def test_list_without_standard_output_is_quiet() -> None:
    command = f"{sys.executable} -m cardiorisk keys list >&-"
    result = subprocess.run(["/bin/sh", "-c", command], check=False, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


# revoke


def test_revoke_ends_the_key_says_so_and_may_be_repeated(call: Call, key_id: str) -> None:
    for _ in range(2):
        result = call("keys", "revoke", key_id)
        assert (result.exit_code, result.stdout) == (0, "")
        assert re.fullmatch(rf"{key_id} of ana ended {MOMENT}\.\n", result.stderr)
    assert _listed(call)[0]["status"] == "revoked"


def test_revoke_of_an_unknown_key_fails_in_one_line(call: Call, key_id: str) -> None:
    del key_id
    result = call("keys", "revoke", "key_none")
    assert result.exit_code == 1
    assert result.stderr == "cardiorisk: there is no such key; see `cardiorisk keys list`\n"


# rotate


def test_rotate_prints_the_new_key_alone_and_ends_the_old_one(call: Call, key_id: str) -> None:
    result = call("keys", "rotate", key_id)
    assert is_well_formed(result.stdout.removesuffix("\n"))
    assert re.search(rf"The old key, {key_id}, ends {MOMENT}\.\n$", result.stderr)
    assert [row["status"] for row in _listed(call)] == ["revoked", "active"]


@pytest.mark.parametrize("command", ["revoke", "rotate"])
def test_a_key_in_the_place_of_its_id_is_refused_and_not_shown(call: Call, command: str) -> None:
    key = call("keys", "create", "--account", "ana").stdout.strip()
    assert key not in call("keys", "list").stdout
    result = call("keys", command, key)
    assert result.exit_code == 2
    assert "that is a key, not a KEY_ID; `cardiorisk keys list` shows the ids" in result.stderr
    assert key not in result.output


def test_rotate_with_grace_lets_the_old_key_live_that_long(call: Call, key_id: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    call("keys", "rotate", key_id, "--grace", "60")
    ends_at = datetime.fromisoformat(_listed(call)[0]["expires_at"])
    assert before <= ends_at - timedelta(minutes=60) <= datetime.now(UTC)


# An imported key


IMPORTED = "9f86d081884c7d659a2feaa0c55ad015"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_key_in_use_is_imported_from_a_file_and_not_shown(call: Call, end: str) -> None:
    file = Path("old.key")
    file.write_bytes(f"{IMPORTED}{end}".encode())
    result = call("keys", "create", "--account", "ana", "--key-file", str(file))
    assert (result.exit_code, result.stdout) == (0, "")
    assert re.fullmatch(
        r"key_\w{12} of ana \(freemium\) never ends. Its callers go on as before.\n", result.stderr
    )
    (row,) = _listed(call)
    assert (row["prefix"], row["status"]) == (IMPORTED[:4], "active")
    again = call("keys", "create", "--account", "bruno", "--key-file", str(file))
    assert (again.exit_code, again.stderr) == (
        1,
        "cardiorisk: this key is in use already; make another one\n",
    )


def test_a_key_is_imported_from_standard_input_and_a_weak_one_refused(call: Call) -> None:
    weak = start("keys", "create", "--account", "ana", "--key-file", "-", input="hunter2\n")
    assert (weak.returncode, Path("keys.db").exists()) == (1, False)
    assert "the key must have 24 to 128 printable ASCII characters" in weak.stderr
    assert "hunter2" not in weak.stderr
    strong = start("keys", "create", "--account", "ana", "--key-file", "-", input=IMPORTED)
    assert (strong.returncode, strong.stdout) == (0, "")
    assert [row["account"] for row in _listed(call)] == ["ana"]
