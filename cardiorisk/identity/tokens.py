"""Access, refresh and session tokens: JSON Web Tokens that say whose session somebody speaks for.

That a token is genuine is not enough: the store still asks whether its session lives. PyJWT checks
times against the system's clock only, so they are checked here, against the given one.
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import jwt
from pydantic import BaseModel, ConfigDict, Field

from cardiorisk.errors import InvalidKey
from cardiorisk.identity.texts import folded

Use = Literal["access", "refresh", "session"]

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "cardiorisk"
ACCESS_LIFETIME = timedelta(minutes=15)
REFRESH_LIFETIME = timedelta(days=30)
SESSION_LIFETIME = timedelta(hours=12)  # of a browser's cookie, which is not renewed
DEVICE_LIFETIME = timedelta(days=365)  # of what shows that a name has logged in; it opens no door
LEEWAY = timedelta(seconds=5)  # between the clocks that issue a token and that read it
SECRET_BYTES = 32  # as many as the hash gives. Source: RFC 7518, section 3.2
LONGEST_TOKEN = 1024  # characters; ours have about 400

_YEAR_9999 = 253_370_764_800
_Name = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{1,64}$")]


@dataclass(frozen=True, slots=True)
class Claims:
    account_id: int
    session_id: str
    generation: int
    token_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenPair:
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in_seconds: int


class _Said(BaseModel):
    """What a genuine token may claim: nothing that the database could not look for."""

    model_config = ConfigDict(strict=True)

    use: str
    sub: Annotated[str, Field(pattern="^[0-9]{1,18}$")]
    sid: _Name
    jti: _Name
    gen: Annotated[int, Field(ge=0, lt=1 << 62)]
    iat: int
    exp: Annotated[int, Field(ge=0, lt=_YEAR_9999)]


class Tokens:
    def __init__(self, secret: bytes, now: Callable[[], datetime]) -> None:
        self._secret = secret
        self._now = now

    def issue(
        self, account_id: int, session_id: str, generation: int, refresh_id: str
    ) -> TokenPair:
        common = {"sub": str(account_id), "sid": session_id, "gen": generation}
        return TokenPair(
            self._make("access", common | {"jti": new_token_id()}, ACCESS_LIFETIME),
            self._make("refresh", common | {"jti": refresh_id}, REFRESH_LIFETIME),
            round(ACCESS_LIFETIME.total_seconds()),
        )

    def issue_session(self, account_id: int, session_id: str, generation: int) -> str:
        claims = {"sub": str(account_id), "sid": session_id, "gen": generation}
        return self._make("session", claims | {"jti": new_token_id()}, SESSION_LIFETIME)

    def read(self, token: str, use: Use) -> Claims:
        if not looks_like_token(token):
            raise _invalid()
        try:
            payload = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
            )
            said = _Said.model_validate(payload)
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise _invalid() from error
        now, expires_at = self._now(), datetime.fromtimestamp(said.exp, UTC)
        is_of_its_time = now < expires_at + LEEWAY and said.iat <= (now + LEEWAY).timestamp()
        if said.use != use or not is_of_its_time:
            raise _invalid()
        return Claims(int(said.sub), said.sid, said.gen, said.jti, expires_at)

    def xsrf_token(self, cookie: str) -> str:
        """Make what a request must carry, beside this cookie, to show that our page sent it."""
        return self._signature(f"xsrf\n{cookie}")

    def device_token(self, name: str) -> str:
        """Make what shows, to nobody but this service, that a name has logged in somewhere."""
        expires_at = self._now() + DEVICE_LIFETIME
        device = f"{new_token_id()}.{expires_at.timestamp():.0f}"
        return f"{device}.{self._device_signature(device, name)}"

    def device_of(self, token: str, name: str) -> str:
        """Empty if the token is not one of this name's."""
        device, _, signature = token.rpartition(".")
        expected = self._device_signature(device, name).encode()
        if not hmac.compare_digest(expected, signature.encode("utf-8", "replace")):
            return ""
        device_id, _, expires_at = device.partition(".")
        return device_id if self._now().timestamp() < int(expires_at) else ""

    def _device_signature(self, device: str, name: str) -> str:
        return self._signature(f"device\n{device}\n{folded(name)}")

    def _signature(self, text: str) -> str:
        """Sign a text that begins with its use, so that no signature can pass for another's."""
        return hmac.digest(self._secret, text.encode("utf-8", "surrogatepass"), "sha256").hex()

    def _make(self, use: Use, claims: dict[str, Any], lifetime: timedelta) -> str:
        issued_at = int(self._now().timestamp())
        times = {"iat": issued_at, "exp": issued_at + round(lifetime.total_seconds())}
        own = {"iss": ISSUER, "aud": AUDIENCE, "use": use}
        return jwt.encode(own | times | claims, self._secret, algorithm=ALGORITHM)


def new_token_id() -> str:
    return secrets.token_hex(16)


def looks_like_token(text: str) -> bool:
    return len(text) <= LONGEST_TOKEN and text.count(".") == 2 and text.isascii()  # noqa: PLR2004 - three parts


def _invalid() -> InvalidKey:
    return InvalidKey("the token is not valid: malformed, forged, expired or ended")
