"""The settings: one table of names, defaults and help, read once at start."""

import os
import re
from collections.abc import Mapping
from importlib.metadata import version
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, TomlConfigSettingsSource
from pydantic_settings import PydanticBaseSettingsSource as SettingsSource

from cardiorisk.errors import InvalidSettings

VERSION = version("cardiorisk")

PREFIX = "CARDIORISK_"
TOML_FILE = "cardiorisk.toml"
UNIX = "unix:"  # before the path of a socket in the file system
UNIX_PEER = "unix"  # among trusted proxies: whoever comes by such a socket
DEFAULT_PLANS = {"freemium": 5, "premium": 50}  # requests a minute. Source: the assignment
DEFAULT_MODEL_DIR = Path(__file__).parent / "artefact"

ANY_ORIGIN = "*"
_ORIGIN = re.compile(  # as a browser writes one: without the port that its scheme has anyway
    r"(?!http://[^/]*:80$|https://[^/]*:443$)[a-z][a-z0-9+.-]*://"
    r"([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?"
)
_REDIS = re.compile(
    r"rediss?://([^\s:/?#@]*:[^\s/?#@]+@)?([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[0-9]{0,3})?",
    re.ASCII,
)
_PLAN_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_LARGEST_QUOTA = 1_000_000_000
_SHOWN_CHARACTERS = 60

_UNFIT = PydanticCustomError("unfit", "refused by the description of its setting")
_UNSHOWN = {"token_secret", "windows_url", "database_url"}  # for they may hold a secret

_SWITCH = "must be true or false, or 1 or 0"

EngineName = Literal["keras", "litert"]


def _read_plans(given: object) -> object:
    if not isinstance(given, str):
        return given
    plans: dict[str, str] = {}
    for pair in filter(str.strip, given.split(",")):
        name, _, quota = (part.strip() for part in pair.partition("="))
        if name in plans:
            raise ValueError(f"plan {name} is given more than once")
        plans[name] = quota
    return plans


def _check_plans(plans: dict[str, int]) -> dict[str, int]:
    for name, quota in plans.items():
        if not _PLAN_NAME.fullmatch(name):
            raise ValueError(f"plan name {name!r} must be a lower-case word")
        if not 1 <= quota <= _LARGEST_QUOTA:
            raise ValueError(f"plan {name} must allow 1 to {_LARGEST_QUOTA} requests a minute")
    return DEFAULT_PLANS | plans


def _part_list(given: object) -> object:
    return [part.strip() for part in given.split(",")] if isinstance(given, str) else given


def _check_proxies(proxies: tuple[str, ...]) -> tuple[str, ...]:
    named = tuple(filter(None, proxies))
    for proxy in named:
        try:
            proxy == UNIX_PEER or ip_network(proxy)
        except ValueError:
            raise ValueError(
                f"{proxy[:_SHOWN_CHARACTERS]!r} must be an address, a network as in 10.0.0.0/8 "
                "(all bits beyond its prefix 0), or unix, with commas between several"
            ) from None
    return named


def _check_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(origin.lower() for origin in origins if origin))
    for origin in named:
        if origin != ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
            raise ValueError(
                f"{origin[:_SHOWN_CHARACTERS]!r} must be an origin as a browser sends it, scheme://"
                "host or scheme://host:port, without a / behind it and without the port that the "
                "scheme has anyway"
            )
    if ANY_ORIGIN in named and len(named) > 1:
        raise ValueError("* is every origin, so it must stand alone")
    return named


def _check_database(url: str) -> str:
    if url.startswith("postgresql+psycopg://"):
        if url.count("@") > 1:  # what is behind the first would be told as the host
            raise ValueError("may have one @, before the host; write any other as %40")
        return url
    path = url.removeprefix("sqlite:///")
    if path in {url, "", ":memory:"}:
        raise _UNFIT
    if path.startswith("file:") or "?" in path:
        raise ValueError("must be sqlite:/// and a path, without file: and without ?…")
    return url


def _check_windows(given: SecretStr) -> SecretStr:
    url = given.get_secret_value()
    if url and not (_REDIS.fullmatch(url) and urlsplit(url).port != 0):
        raise _UNFIT
    return given


def _check_host(host: str) -> str:
    if host == UNIX:
        raise ValueError("must be an address, as in 127.0.0.1, or unix: and a path")
    try:
        return str(ip_address(host.removeprefix("[").removesuffix("]")))  # one spelling of each
    except ValueError:
        return host


def _refuse_nothing(given: object) -> object:
    if given == "":
        raise _UNFIT
    return given


_Parts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_part_list)]
_Plans = Annotated[
    dict[str, int], NoDecode, BeforeValidator(_read_plans), AfterValidator(_check_plans)
]
_Place = Annotated[Path, BeforeValidator(_refuse_nothing)]


class Settings(BaseSettings):
    """Everything that may be set, and what it must be; ``docs/settings.md`` says what for."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        frozen=True,
        toml_file=TOML_FILE,
        hide_input_in_errors=True,
    )

    host: Annotated[str, AfterValidator(_check_host)] = Field(
        "127.0.0.1", min_length=1, description="must be an address"
    )
    socket_mode: str = Field(
        "660", pattern=r"^[0-7]{3}$", description='must be three octal digits, as in "660"'
    )
    port: int = Field(8888, ge=0, le=65535, description="must be a whole number from 0 to 65535")
    reuse_port: bool = Field(default=False, description=_SWITCH)
    listen: Literal["start", "ready"] = Field("start", description="must be start or ready")
    node: str | None = Field(
        None,
        pattern="^[a-z0-9][a-z0-9-]{0,31}$",
        description="must be a name of at most 32 of a-z, 0-9 and -",
    )
    engine: EngineName = Field("keras", description="must be keras or litert")
    language: Literal["es", "en"] = Field("es", description="must be es or en")
    database_url: Annotated[str, AfterValidator(_check_database)] = Field(
        "sqlite:///keys.db",
        description="must name a SQLite file, as in sqlite:///keys.db, or a PostgreSQL database, "
        "as in postgresql+psycopg://user:password@host/name",
    )
    log_dir: _Place = Field(Path("logs"), description="must name a directory")
    model_dir: _Place = Field(DEFAULT_MODEL_DIR, description="must name a directory")
    plans: _Plans = Field(DEFAULT_PLANS, description="must look like name=number, name=number")
    bitacora_sync: Literal["os", "disk"] = Field("os", description="must be os or disk")
    seal_key_file: _Place | None = Field(None, description="must name a file")
    windows_url: Annotated[SecretStr, AfterValidator(_check_windows)] = Field(
        SecretStr(""), description="must look like redis://host:port/0 or rediss://host:port/0"
    )
    windows_down: Literal["local", "refuse"] = Field("local", description="must be local or refuse")
    token_secret: SecretStr | None = Field(
        None, min_length=32, max_length=1024, description="must have 32 to 1024 characters"
    )
    registration: Literal["open", "closed"] = Field("open", description="must be open or closed")
    log_inputs: bool = Field(default=False, description=_SWITCH)
    trusted_proxies: Annotated[_Parts, AfterValidator(_check_proxies)] = Field(
        (), description="must look like 127.0.0.1, 10.0.0.0/8, unix"
    )
    allowed_origins: Annotated[_Parts, AfterValidator(_check_origins)] = Field(
        (), description="must look like https://app.example.org, http://localhost:3000"
    )

    @property
    def socket_path(self) -> Path | None:
        """Where ``host`` is in the file system; None where it is an address."""
        return Path(self.host.removeprefix(UNIX)) if self.host.startswith(UNIX) else None

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], *_: SettingsSource, **sources: SettingsSource
    ) -> tuple[SettingsSource, ...]:
        toml = TomlConfigSettingsSource(settings_cls)
        return sources["init_settings"], sources["env_settings"], toml


def load_settings(flags: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings; ``flags`` are a command's options, None where one was not given."""
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for variable in os.environ:
        if variable.upper().startswith(PREFIX) and variable.upper() not in known:
            raise InvalidSettings(
                f"{variable} is not a setting; the settings are {', '.join(sorted(known))}"
            )
    try:
        return Settings(**given)
    except ValidationError as error:
        raise InvalidSettings(_first_fault(error, given)) from error
    except (OSError, ValueError) as error:
        raise InvalidSettings(f"{TOML_FILE} cannot be read: {error}") from error


def _first_fault(error: ValidationError, flags: Mapping[str, Any]) -> str:
    fault = error.errors()[0]
    name = str(fault["loc"][0])
    if name in flags:
        place = f"--{name.replace('_', '-')}"
    elif PREFIX + name.upper() in {variable.upper() for variable in os.environ}:
        place = PREFIX + name.upper()
    else:
        place = f"{name} in {TOML_FILE}"
    if fault["type"] == "extra_forbidden":
        return f"{place}: there is no such setting; there are {', '.join(Settings.model_fields)}"
    if fault["type"] == "value_error":
        return f"{place}: {fault['msg'].removeprefix('Value error, ')}"
    given = ""
    if name not in _UNSHOWN:
        text = "".join(f"{part}=" for part in fault["loc"][1:]) + str(fault["input"])
        is_long = len(text) > _SHOWN_CHARACTERS
        given = f"{text[: _SHOWN_CHARACTERS - 1] + '…' if is_long else text!r} "
    return f"{place}: {given}{Settings.model_fields[name].description}"
