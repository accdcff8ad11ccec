"""The settings: where a value comes from, and the one line that an unusable one gets."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

import cardiorisk
from cardiorisk.config import TOML_FILE, Settings, load_settings
from cardiorisk.errors import InvalidSettings


def write_toml(text: str) -> None:
    Path(TOML_FILE).write_text(text, encoding="utf-8")


def refusal(**flags: Any) -> str:
    with pytest.raises(InvalidSettings) as raised:
        load_settings(flags)
    line = str(raised.value)
    assert "\n" not in line
    return line


def test_defaults_are_the_contracts() -> None:
    assert load_settings().model_dump() == {
        "host": "127.0.0.1",
        "socket_mode": "660",
        "port": 8888,
        "reuse_port": False,
        "listen": "start",
        "node": None,
        "engine": "keras",
        "language": "es",
        "database_url": "sqlite:///keys.db",
        "log_dir": Path("logs"),
        "model_dir": Path(cardiorisk.__file__).parent / "artefact",
        "plans": {"freemium": 5, "premium": 50},
        "bitacora_sync": "os",
        "seal_key_file": None,
        "windows_url": SecretStr(""),
        "windows_down": "local",
        "token_secret": None,
        "registration": "open",
        "log_inputs": False,
        "trusted_proxies": (),
        "allowed_origins": (),
    }


def test_every_setting_is_described_and_none_can_be_changed() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    with pytest.raises(ValidationError):
        load_settings().port = 1  # type: ignore[misc]  # frozen: that is what is tested


# Where a value comes from


def test_a_flag_comes_before_a_variable_that_before_the_file_and_that_before_the_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_toml("port = 1001")
    assert load_settings().port == 1001
    monkeypatch.setenv("CARDIORISK_PORT", "1002")
    assert load_settings({"port": None, "host": "::1"}).port == 1002
    write_toml("port = -1")
    assert load_settings({"port": 1003}).port == 1003
    assert load_settings().port == 1002


@pytest.mark.parametrize(
    ("variable", "text", "value"),
    [
        ("HOST", "0.0.0.0", "0.0.0.0"),  # noqa: S104 - nothing listens here
        ("PORT", "0", 0),
        ("LISTEN", "ready", "ready"),
        ("NODE", "web-1", "web-1"),
        ("REUSE_PORT", "1", True),
        ("ENGINE", "litert", "litert"),
        ("DATABASE_URL", "sqlite:////var/keys.db", "sqlite:////var/keys.db"),
        ("LOG_DIR", "/var/log/x", Path("/var/log/x")),
        ("MODEL_DIR", "net", Path("net")),
        ("BITACORA_SYNC", "disk", "disk"),
        ("LOG_INPUTS", "1", True),
        ("LOG_INPUTS", "0", False),
        ("TRUSTED_PROXIES", "127.0.0.1, ::1/128,unix,", ("127.0.0.1", "::1/128", "unix")),
        ("ALLOWED_ORIGINS", "*", ("*",)),
        (
            "ALLOWED_ORIGINS",
            "HTTPS://App.example.org, http://localhost:3000,http://[::1]:81,capacitor://localhost,",
            (
                "https://app.example.org",
                "http://localhost:3000",
                "http://[::1]:81",
                "capacitor://localhost",
            ),
        ),
        ("PLANS", "bench=1000000", {"freemium": 5, "premium": 50, "bench": 1_000_000}),
    ],
)
def test_every_setting_has_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, value: object
) -> None:
    monkeypatch.setenv(f"CARDIORISK_{variable}", text)
    assert getattr(load_settings(), variable.lower()) == value


@pytest.mark.parametrize(
    ("text", "plans"),
    [
        ("premium=100", {"freemium": 5, "premium": 100}),
        (" team = 600 , premium=100,", {"freemium": 5, "premium": 100, "team": 600}),
        ("", {"freemium": 5, "premium": 50}),
        ("big=1000000000", {"freemium": 5, "premium": 50, "big": 1_000_000_000}),
    ],
)
def test_plans_are_added_to_the_default_ones(
    monkeypatch: pytest.MonkeyPatch, text: str, plans: dict[str, int]
) -> None:
    monkeypatch.setenv("CARDIORISK_PLANS", text)
    assert load_settings().plans == plans


@pytest.mark.parametrize("text", ['plans = "team=600"', "[plans]\nteam = 600"])
def test_plans_may_stand_in_the_file_and_those_of_a_variable_take_their_place(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_toml(text)
    assert load_settings().plans == {"freemium": 5, "premium": 50, "team": 600}
    monkeypatch.setenv("CARDIORISK_PLANS", "bench=7,freemium=9")
    assert load_settings().plans == {"freemium": 9, "premium": 50, "bench": 7}
    monkeypatch.delenv("CARDIORISK_PLANS")
    assert load_settings().plans["freemium"] == 5


# What is refused, and how


def test_unknown_variable_is_refused_with_those_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARDIORISK_PROT", "9000")
    line = refusal()
    assert line.startswith("CARDIORISK_PROT is not a setting; the settings are CARDIORISK_")
    assert "CARDIORISK_PORT" in line


@pytest.mark.parametrize(
    ("text", "name"), [("prot = 9000", "prot"), ("[server]\nport = 9000", "server")]
)
def test_an_unknown_name_in_the_file_is_refused_with_those_there_are(text: str, name: str) -> None:
    write_toml(text)
    assert refusal() == (
        f"{name} in cardiorisk.toml: there is no such setting; there are "
        + ", ".join(Settings.model_fields)
    )


@pytest.mark.parametrize(
    ("variable", "text", "fault"),
    [
        ("HOST", "", "'' must be an address"),
        ("HOST", "unix:", "must be an address, as in 127.0.0.1, or unix: and a path"),
        ("SOCKET_MODE", "0660", "'0660' must be three octal digits, as in"),
        ("PORT", "", "'' must be a whole number from 0 to 65535"),
        ("PORT", "http", "'http' must be a whole number from 0 to 65535"),
        ("PORT", "-1", "'-1' must be a whole number from 0 to 65535"),
        ("PORT", "65536", "'65536' must be a whole number from 0 to 65535"),
        ("PORT", "9" * 5000, "…' must be a whole number from 0 to 65535"),
        ("NODE", "../a", "'../a' must be a name of at most 32 of a-z"),
        ("ENGINE", "torch", "'torch' must be keras or litert"),
        ("ENGINE", "KERAS", "'KERAS' must be keras or litert"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "'10.0.0.1/8' must be an address, a network"),
        ("TRUSTED_PROXIES", "::1, proxy", "'proxy' must be an address, a network"),
        *(
            ("ALLOWED_ORIGINS", text, f"{text!r} must be an origin as a browser")
            for text in (
                "null",
                "app.example.org",
                "https://x/",
                "https://x/app",
                "https://u@x",
                "https://",
                "https://*.x",
                "https://x:443",
                "http://x:80",
                "http://x:port",
                "https://ñandú.ar",
            )
        ),
        ("ALLOWED_ORIGINS", "*,https://x", "* is every origin, so it must stand alone"),
        ("DATABASE_URL", "postgresql://x/y", "postgresql+psycopg://user:password@host/name"),
        ("DATABASE_URL", "postgresql+psycopg://x:p@ss@h/y", "may have one @, before the host"),
        ("DATABASE_URL", "sqlite://", "must name a SQLite file"),
        ("DATABASE_URL", "sqlite:///", "must name a SQLite file"),
        ("DATABASE_URL", "sqlite:///:memory:", "must name a SQLite file"),
        ("DATABASE_URL", "sqlite:///keys.db?timeout=abc", "must be sqlite:/// and a path"),
        ("DATABASE_URL", "sqlite:///file:keys.db", "must be sqlite:/// and a path"),
        ("DATABASE_URL", "sqlite:///file::memory:?uri=true", "must be sqlite:/// and a path"),
        ("LOG_DIR", "", "must name a directory"),
        ("MODEL_DIR", "", "must name a directory"),
        ("BITACORA_SYNC", "never", "'never' must be os or disk"),
        ("LOG_INPUTS", "perhaps", "'perhaps' must be true or false, or 1 or 0"),
        ("PLANS", "premium", "'premium=' must look like name=number, name=number"),
        ("PLANS", "premium=many", "'premium=many' must look like name=number, name=number"),
        ("PLANS", "premium=1=2", "'premium=1=2' must look like name=number, name=number"),
        ("PLANS", "premium=0", "plan premium must allow 1 to 1000000000 requests a minute"),
        ("PLANS", "premium=1000000001", "plan premium must allow 1 to 1000000000"),
        ("PLANS", "Premium=9", "plan name 'Premium' must be a lower-case word"),
        ("PLANS", "=9", "plan name '' must be a lower-case word"),
        ("PLANS", 'a"b=9', "plan name 'a\"b' must be a lower-case word"),
        ("PLANS", "team=1,team=2", "plan team is given more than once"),
    ],
)
def test_unusable_variable_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, text: str, fault: str
) -> None:
    monkeypatch.setenv(f"CARDIORISK_{variable}", text)
    line = refusal()
    assert line.startswith(f"CARDIORISK_{variable}: ")
    assert fault in line


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("port = -1", "port in cardiorisk.toml: "),
        ('engine = "torch"', "engine in cardiorisk.toml: "),
        ("plans = 5", "plans in cardiorisk.toml: "),
        ("[plans]\npremium = 0", "plans in cardiorisk.toml: plan premium must allow 1 to"),
        ("[plans]\npremium = 'many'", "plans in cardiorisk.toml: 'premium=many' must look like"),
        ("port", "cardiorisk.toml cannot be read: "),
        ("port = 1\nport = 2", "cardiorisk.toml cannot be read: "),
    ],
)
def test_unusable_value_in_the_file_is_refused_by_its_place(text: str, start: str) -> None:
    write_toml(text)
    assert refusal().startswith(start)


def test_file_that_is_not_utf_8_is_refused() -> None:
    Path(TOML_FILE).write_bytes(b'host = "\xff"')
    assert refusal().startswith("cardiorisk.toml cannot be read: ")


@pytest.mark.parametrize(
    ("flag", "value", "start"),
    [("port", 70_000, "--port: "), ("log_dir", 5, "--log-dir: "), ("engine", "x", "--engine: ")],
)
def test_an_unusable_flag_is_blamed_as_it_was_typed_and_not_the_variable_it_hides(
    monkeypatch: pytest.MonkeyPatch, flag: str, value: object, start: str
) -> None:
    monkeypatch.setenv("CARDIORISK_PORT", "1")
    assert refusal(**{flag: value}).startswith(start)


# The secret that tokens are signed with


def test_a_token_secret_is_taken_from_its_variable_and_not_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CARDIORISK_TOKEN_SECRET", "s" * 32)
    settings = load_settings()
    assert settings.token_secret is not None
    assert settings.token_secret.get_secret_value() == "s" * 32
    assert "s" * 32 not in repr(settings)


@pytest.mark.parametrize(
    ("variable", "secret"),
    [
        ("CARDIORISK_TOKEN_SECRET", "hunter2" * 4),
        ("Cardiorisk_token_secret", "s" * 1025),
        ("CARDIORISK_DATABASE_URL", "postgresql://ana:hunter2@host/keys"),
        ("CARDIORISK_WINDOWS_URL", "http://:hunter2@host"),
        ("CARDIORISK_WINDOWS_URL", "redis://:hunter2@host:70000/0"),
        ("CARDIORISK_WINDOWS_URL", "redis://:hunter2@host/0?x=1"),
        ("CARDIORISK_WINDOWS_URL", "redis://:hunter2@"),
    ],
)
def test_an_unusable_secret_is_refused_and_not_shown(
    variable: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, secret)
    line = refusal()
    assert line.startswith(f"{variable.upper()}: ")
    assert secret not in line
    assert "hunter2" not in line


@pytest.mark.parametrize(
    "url", ["", "redis://host", "rediss://ana:hunter2%40@10.0.0.1:6380/2", "redis://:x@[::1]:1/0"]
)
def test_windows_are_counted_in_memory_or_in_a_redis_whose_password_is_not_printed(
    url: str,
) -> None:
    settings = load_settings({"windows_url": url})
    assert settings.windows_url.get_secret_value() == url
    assert "hunter2" not in repr(settings)
