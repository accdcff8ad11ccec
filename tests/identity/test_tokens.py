"""Tokens: what is in them, and everything that must not pass for one."""

import base64
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cardiorisk.errors import InvalidKey
from cardiorisk.identity.tokens import (
    Claims,
    TokenPair,
    Tokens,
    Use,
    looks_like_token,
    new_token_id,
)
from tests.support import SettableClock

SECRET = b"s" * 32
NOW = datetime(2026, 11, 22, 20, 47, 23, tzinfo=UTC)
ISSUED_AT = 1_795_380_443
GOOD: dict[str, Any] = {
    "iss": "cardiorisk",
    "aud": "cardiorisk",
    "sub": "7",
    "sid": "session",
    "gen": 2,
    "jti": "token",
    "use": "access",
    "iat": ISSUED_AT,
    "exp": ISSUED_AT + 900,
}
WRONG: dict[str, list[Any]] = {
    "iss": ["somebody", None, ["cardiorisk"]],
    "aud": ["somebody", [], {"cardiorisk": 1}, 7],
    "use": ["refresh", ["access"], None],
    "sub": [7, "-7", "seven", "", "9" * 40],
    "sid": [7, "\ud800"],
    "gen": [True, -1, 10**30, "2", 2.0, None],
    "jti": [7],
    "iat": ["now", 1e300, 10**30],
    "exp": ["never", None, 1e300, 10**30],
}


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(ISSUED_AT)


@pytest.fixture
def tokens(clock: SettableClock) -> Tokens:
    return Tokens(SECRET, clock.now)


@pytest.fixture
def pair(tokens: Tokens) -> TokenPair:
    return tokens.issue(7, "session", 2, "refresh-id")


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _signed(claims: object, header: object = None, secret: bytes = SECRET) -> str:
    """Make a token without the library, from RFC 7515."""
    signed = f"{_segment(header or {'alg': 'HS256', 'typ': 'JWT'})}.{_segment(claims)}"
    mark = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}"


def _is_refused(tokens: Tokens, token: str) -> bool:
    try:
        tokens.read(token, "access")
    except InvalidKey:
        return True
    return False


# What is issued


def test_a_pair_says_whose_session_it_is_and_ends_after_a_quarter_hour_and_a_month(
    tokens: Tokens, pair: TokenPair
) -> None:
    access = tokens.read(pair.access_token, "access")
    assert access == Claims(7, "session", 2, access.token_id, NOW + timedelta(minutes=15))
    assert pair.expires_in_seconds == 900
    refresh = tokens.read(pair.refresh_token, "refresh")
    assert refresh == Claims(7, "session", 2, "refresh-id", NOW + timedelta(days=30))


def test_no_two_access_tokens_are_alike(tokens: Tokens) -> None:
    issued = {tokens.issue(7, "session", 2, "refresh-id").access_token for _ in range(100)}
    assert len(issued) == 100


def test_a_session_token_ends_after_twelve_hours(tokens: Tokens) -> None:
    claims = tokens.read(tokens.issue_session(7, "session", 2), "session")
    assert claims == Claims(7, "session", 2, claims.token_id, NOW + timedelta(hours=12))


def test_an_xsrf_token_is_the_signature_of_its_cookie(tokens: Tokens) -> None:
    expected = hmac.new(SECRET, b"xsrf\ncookie", hashlib.sha256).hexdigest()
    assert tokens.xsrf_token("cookie") == expected


def test_a_device_is_known_for_a_year_for_the_name_that_has_logged_in(
    tokens: Tokens, clock: SettableClock
) -> None:
    token = tokens.device_token("Ana")
    device = tokens.device_of(token, "ANA")
    assert re.fullmatch("[0-9a-f]{32}", device)
    assert device != tokens.device_of(tokens.device_token("ana"), "ana")
    longer = token.replace(".", ".9", 1)
    for wrong in ("", ".", "..", token[:-1], longer, "é", f"{device}.{token}"):
        assert tokens.device_of(wrong, "ana") == ""
    assert tokens.device_of(token, "bruno") == tokens.device_of(token, "\ud800") == ""
    clock.advance(days=365)
    assert tokens.device_of(token, "ana") == ""


def test_what_is_printed_of_a_pair_shows_neither(pair: TokenPair) -> None:
    assert pair.access_token not in repr(pair)
    assert pair.refresh_token not in repr(pair)


def test_a_token_made_by_the_standard_alone_is_read(tokens: Tokens) -> None:
    assert tokens.read(_signed(GOOD), "access") == Claims(
        7, "session", 2, "token", NOW + timedelta(minutes=15)
    )


def test_token_ids_are_not_to_be_guessed() -> None:
    assert len({new_token_id() for _ in range(1000)}) == 1000
    assert len(new_token_id()) == 32


def test_a_token_of_one_use_is_none_of_another(tokens: Tokens, pair: TokenPair) -> None:
    made: dict[Use, str] = {
        "access": pair.access_token,
        "refresh": pair.refresh_token,
        "session": tokens.issue_session(7, "session", 2),
    }
    for use, token in made.items():
        for other in made.keys() - {use}:
            with pytest.raises(InvalidKey):
                tokens.read(token, other)


# Time


@pytest.mark.parametrize(("age_seconds", "is_refused"), [(0, False), (904, False), (905, True)])
def test_a_token_ends_five_seconds_after_its_expiry(
    tokens: Tokens, clock: SettableClock, *, age_seconds: int, is_refused: bool
) -> None:
    token = _signed(GOOD)
    clock.advance(seconds=age_seconds)
    assert _is_refused(tokens, token) is is_refused


@pytest.mark.parametrize(("ahead_seconds", "is_refused"), [(5, False), (6, True)])
def test_a_token_from_the_future_is_refused_past_five_seconds(
    tokens: Tokens, *, ahead_seconds: int, is_refused: bool
) -> None:
    token = _signed(GOOD | {"iat": ISSUED_AT + ahead_seconds})
    assert _is_refused(tokens, token) is is_refused


# Forgeries


def test_a_token_signed_with_another_secret_is_refused(tokens: Tokens) -> None:
    assert _is_refused(tokens, _signed(GOOD, secret=b"t" * 32))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE"])
@pytest.mark.parametrize("signature", ["", "AAAA"])
def test_a_token_without_an_algorithm_is_refused(
    tokens: Tokens, algorithm: str, signature: str
) -> None:
    header = {"alg": algorithm, "typ": "JWT"}
    assert _is_refused(tokens, f"{_segment(header)}.{_segment(GOOD)}.{signature}")


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_genuine_signature_by_another_algorithm_is_refused(algorithm: str) -> None:
    token = jwt.encode(GOOD, b"s" * 64, algorithm=algorithm)
    assert _is_refused(Tokens(b"s" * 64, lambda: NOW), token)


@pytest.mark.parametrize("algorithm", ["HS384", "HS512", "RS256", "ES256", "EdDSA", "", None])
def test_a_swapped_algorithm_is_refused(tokens: Tokens, algorithm: str | None) -> None:
    assert _is_refused(tokens, _signed(GOOD, {"alg": algorithm, "typ": "JWT"}))
    assert _is_refused(tokens, _signed(GOOD, {"typ": "JWT"}))


def test_a_header_that_brings_its_own_key_is_not_believed(tokens: Tokens) -> None:
    own = {"kty": "oct", "k": base64.urlsafe_b64encode(b"t" * 32).decode()}
    assert _is_refused(tokens, _signed(GOOD, {"alg": "HS256", "jwk": own}, b"t" * 32))


@given(place=st.integers(0, 250), character=st.sampled_from("Aa0-_."))
def test_a_changed_character_is_refused(place: int, character: str) -> None:
    tokens, token = Tokens(SECRET, lambda: NOW), _signed(GOOD)
    # The last character has two bits that no byte needs; changing only those changes nothing.
    place = min(place, len(token) - 2)
    changed = token[:place] + character + token[place + 1 :]
    assert _is_refused(tokens, changed) is (changed != token)


# Claims


@pytest.mark.parametrize("claim", GOOD)
def test_a_genuine_token_without_a_claim_is_refused(tokens: Tokens, claim: str) -> None:
    assert _is_refused(tokens, _signed({name: GOOD[name] for name in GOOD if name != claim}))


@pytest.mark.parametrize(
    ("claim", "value"), [(claim, value) for claim in WRONG for value in WRONG[claim]]
)
def test_a_genuine_token_with_a_wrong_claim_is_refused(
    tokens: Tokens, claim: str, value: object
) -> None:
    assert _is_refused(tokens, _signed(GOOD | {claim: value}))


@pytest.mark.parametrize("payload", [None, [], "text", 7, {}])
def test_a_genuine_signature_over_no_claims_is_refused(tokens: Tokens, payload: object) -> None:
    assert _is_refused(tokens, _signed(payload))


@pytest.mark.parametrize(
    "token", ["", "..", "a.b", "a.b.c", "a.b.c.d", "é.é.é", "\x00.\x00.\x00", "A" * 2000 + ".b.c"]
)
def test_what_is_no_token_is_refused(tokens: Tokens, token: str) -> None:
    assert _is_refused(tokens, token)


@given(st.text())
def test_any_text_can_be_judged(text: str) -> None:
    assert _is_refused(Tokens(SECRET, lambda: NOW), text)


def test_a_key_does_not_look_like_a_token() -> None:
    assert not looks_like_token("crk_" + "0" * 36)
