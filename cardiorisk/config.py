"""The settings: one table of names, defaults and help, read once at start."""

import os
import re
from collections.abc import Mapping
from importlib.metadata import version
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from cardiorisk.errors import InvalidSettings

VERSION = version("cardiorisk")

PREFIX = "CARDIORISK_"
TOML_FILE = "cardiorisk.toml"
UNIX = "unix:"  # before the path of a socket in the file system
UNIX_PEER = "unix"  # among trusted proxies: whoever comes by such a socket
DEFAULT_PLANS = {"freemium": 5, "premium": 50}  # requests a minute. Source: the assignment
DEFAULT_MODEL_DIR = Path(__file__).parent / "artefact"

ANY_ORIGIN = "*"
_ORIGIN = re.compile(
    r"(?!http://[^/]*:80$|https://[^/]*:443$)[a-z][a-z0-9+.-]*://"
    r"([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(:[1-9][0-9]{0,4})?"
)
"""As a browser writes one: without the port that its scheme has anyway."""
_REDIS = re.compile(
    r"rediss?://([^\s:/?#@]*:[^\s/?#@]+@)?([\w.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[0-9]{0,3})?",
    re.ASCII,
)
_PLAN_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_LARGEST_QUOTA = 1_000_000_000
_SHOWN_CHARACTERS = 60

_UNSHOWN = {"token_secret", "windows_url", "database_url"}
"""Settings of which a wrong value is not repeated: it may be a secret, or another server's URL."""

EngineName = Literal["keras", "litert"]


class Settings(BaseSettings):
    """Everything that may be set, and what it must be; ``docs/settings.md`` says what for."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        frozen=True,
        toml_file=TOML_FILE,
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", min_length=1, description="must be an address")
    socket_mode: str = Field(
        "660",
        pattern=r"^[0-7]{3}$",
        description='must be three octal digits, as in "660"',
    )
    port: int = Field(8888, ge=0, le=65535, description="must be a whole number from 0 to 65535")
    reuse_port: bool = Field(default=False, description="must be true or false, or 1 or 0")
    listen: Literal["start", "ready"] = Field("start", description="must be start or ready")
    node: str | None = Field(
        None,
        pattern="^[a-z0-9][a-z0-9-]{0,31}$",
        description="must be a name of at most 32 of a-z, 0-9 and -",
    )
    engine: EngineName = Field("keras", description="must be keras or litert")
    language: Literal["es", "en"] = Field("es", description="must be es or en")
    database_url: str = Field(
        "sqlite:///keys.db",
        description="must name a SQLite file, as in sqlite:///keys.db, or a PostgreSQL database, "
        "as in postgresql+psycopg://user:password@host/name",
    )
    log_dir: Path = Field(Path("logs"), description="must name a directory")
    model_dir: Path = Field(DEFAULT_MODEL_DIR, description="must name a directory")
    plans: Annotated[dict[str, int], NoDecode] = Field(
        DEFAULT_PLANS, description="must look like name=number, name=number"
    )
    bitacora_sync: Literal["os", "disk"] = Field("os", description="must be os or disk")
    seal_key_file: Path | None = Field(None, description="must name a file")
    windows_url: SecretStr = Field(
        SecretStr(""), description="must look like redis://host:port/0 or rediss://host:port/0"
    )
    windows_down: Literal["local", "refuse"] = Field("local", description="must be local or refuse")
    token_secret: SecretStr | None = Field(
        None, min_length=32, max_length=1024, description="must have 32 to 1024 characters"
    )
    registration: Literal["open", "closed"] = Field("open", description="must be open or closed")
    log_inputs: bool = Field(default=False, description="must be true or false, or 1 or 0")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="must look like 127.0.0.1, 10.0.0.0/8, unix"
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="must look like https://app.example.org, http://localhost:3000"
    )

    @field_validator("plans", mode="before")
    @classmethod
    def _read_plans(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        plans: dict[str, str] = {}
        for pair in filter(str.strip, given.split(",")):
            name, _, quota = (part.strip() for part in pair.partition("="))
            if name in plans:
                raise ValueError(f"plan {name} is given more than once")
            plans[name] = quota
        return plans

    @field_validator("plans")
    @classmethod
    def _check_plans(cls, plans: dict[str, int]) -> dict[str, int]:
        for name, quota in plans.items():
            if not _PLAN_NAME.fullmatch(name):
                raise ValueError(f"plan name {name!r} must be a lower-case word")
            if not 1 <= quota <= _LARGEST_QUOTA:
                raise ValueError(f"plan {name} must allow 1 to {_LARGEST_QUOTA} requests a minute")
        return DEFAULT_PLANS | plans

    @field_validator("trusted_proxies", "allowed_origins", mode="before")
    @classmethod
    def _part_list(cls, given: object) -> object:
        return [part.strip() for part in given.split(",")] if isinstance(given, str) else given

    @field_validator("trusted_proxies")
    @classmethod
    def _check_proxies(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
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

    @field_validator("allowed_origins")
    @classmethod
    def _check_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        named = tuple(dict.fromkeys(origin.lower() for origin in origins if origin))
        for origin in named:
            if origin != ANY_ORIGIN and not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin[:_SHOWN_CHARACTERS]!r} must be an origin as a browser sends it, "
                    "scheme://host or scheme://host:port, without a / behind it and without the "
                    "port that the scheme has anyway"
                )
        if ANY_ORIGIN in named and len(named) > 1:
            raise ValueError("* is every origin, so it must stand alone")
        return named

    @field_validator("database_url")
    @classmethod
    def _check_database(cls, url: str) -> str:
        if url.startswith("postgresql+psycopg://"):
            return url
        path = url.removeprefix("sqlite:///")
        if path in {url, ""}:
            raise ValueError(cls.model_fields["database_url"].description)
        if path == ":memory:":
            raise ValueError("must name a file: what is kept in memory is nobody else's")
        if path.startswith("file:") or "?" in path:
            raise ValueError("must be sqlite:/// and a path, without file: and without ?…")
        return url

    @field_validator("windows_url")
    @classmethod
    def _check_windows(cls, given: SecretStr) -> SecretStr:
        url = given.get_secret_value()
        if url and not (_REDIS.fullmatch(url) and urlsplit(url).port != 0):
            raise ValueError(str(cls.model_fields["windows_url"].description))
        return given

    @field_validator("host")
    @classmethod
    def _check_host(cls, host: str) -> str:
        if host == UNIX:
            raise ValueError("must be an address, as in 127.0.0.1, or unix: and a path")
        if re.fullmatch(r"(\[.*\]|[^:]+):[0-9]+", host) and not host.startswith(UNIX):
            raise ValueError("must be an address without a port, as in 0.0.0.0; port is a setting")
        bare = host.removeprefix("[").removesuffix("]")
        try:
            return str(ip_address(bare))  # one spelling of each
        except ValueError:
            return host

    @field_validator("log_dir", "model_dir", "seal_key_file", mode="before")
    @classmethod
    def _refuse_nothing(cls, given: object, asked: ValidationInfo) -> object:
        if given == "":
            field = cls.model_fields[str(asked.field_name)]
            raise ValueError(f"{field.description}; it is empty")
        return given

    @property
    def socket_path(self) -> Path | None:
        """Where ``host`` is in the file system; None where it is an address."""
        return Path(self.host.removeprefix(UNIX)) if self.host.startswith(UNIX) else None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


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
        inner = "".join(f"{part}=" for part in fault["loc"][1:])
        text = inner + str(fault["input"])
        is_long = len(text) > _SHOWN_CHARACTERS
        given = f"{text[: _SHOWN_CHARACTERS - 1] + '…' if is_long else text!r} "
    return f"{place}: {given}{Settings.model_fields[name].description}"
