"""The memo's rules, with a clock that the test moves."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from cardiorisk.identity.keys import Principal
from cardiorisk.store.memo import REFUSED, Memo, MemoStatistics, digest
from cardiorisk.store.values import Credential
from tests.support import SettableClock

ANA = Principal(1, "key_ana", "freemium")
ANA_TOO = Principal(1, "key_ana_too", "freemium")
BRUNO = Principal(2, "key_bruno", "premium")
FOREVER = float("inf")


@pytest.fixture
def memo(clock: SettableClock) -> Memo:
    return Memo(clock, most_entries=3)


def _keep(memo: Memo, place: bytes, principal: Principal, lifetime: float = FOREVER) -> None:
    memo.keep(place, Credential(principal, lifetime), memo.generation)


@pytest.mark.parametrize(
    ("lifetime", "age", "found"),
    [(FOREVER, 59.9, ANA), (FOREVER, 60.0, None), (5.0, 4.9, ANA), (5.0, 5.0, None)],
)
def test_a_principal_is_kept_for_a_minute_and_not_past_the_end_of_its_key(
    memo: Memo, clock: SettableClock, lifetime: float, age: float, found: Principal | None
) -> None:
    _keep(memo, b"a", ANA, lifetime)
    clock.advance(seconds=age)
    assert memo.find(b"a") is found


@pytest.mark.parametrize(("age", "found"), [(1.9, REFUSED), (2.0, None)])
def test_a_refusal_is_kept_for_two_seconds(
    memo: Memo, clock: SettableClock, age: float, found: object
) -> None:
    memo.keep(b"a", None, memo.generation)
    clock.advance(seconds=age)
    assert memo.find(b"a") is found


def test_the_oldest_principal_leaves_when_there_are_too_many(memo: Memo) -> None:
    for place in (b"a", b"b", b"c", b"d"):
        _keep(memo, place, ANA)
    assert [memo.find(place) for place in (b"a", b"b", b"c", b"d")] == [None, ANA, ANA, ANA]


def test_a_principal_kept_again_counts_as_new(memo: Memo) -> None:
    for place in (b"a", b"b", b"c", b"a", b"d"):
        _keep(memo, place, ANA)
    assert (memo.find(b"a"), memo.find(b"b")) == (ANA, None)


def test_a_flood_of_refusals_is_bounded_and_pushes_no_principal_out(memo: Memo) -> None:
    _keep(memo, b"a", ANA)
    for number in range(100):
        memo.keep(str(number).encode(), None, memo.generation)
    assert memo.statistics().refused == 3
    assert (memo.find(b"a"), memo.find(b"96"), memo.find(b"97")) == (ANA, None, REFUSED)


def test_a_refusal_and_a_principal_take_each_others_place(memo: Memo) -> None:
    _keep(memo, b"a", ANA)
    memo.keep(b"a", None, memo.generation)
    assert (memo.find(b"a"), memo.statistics().known) == (REFUSED, 0)
    _keep(memo, b"a", ANA)
    assert (memo.find(b"a"), memo.statistics().refused) == (ANA, 0)


def test_what_is_an_account_s_is_forgotten_and_nothing_else(memo: Memo) -> None:
    for place, principal in ((b"a", ANA), (b"b", ANA_TOO), (b"c", BRUNO)):
        _keep(memo, place, principal)
    memo.drop({1, 3})
    assert [memo.find(place) for place in (b"a", b"b", b"c")] == [None, None, BRUNO]


def test_dropping_all_forgets_principals_and_refusals(memo: Memo) -> None:
    _keep(memo, b"a", ANA)
    memo.keep(b"b", None, memo.generation)
    memo.drop_all()
    assert (memo.find(b"a"), memo.find(b"b")) == (None, None)


@pytest.mark.parametrize(
    "drop", [lambda memo: memo.drop({9}), Memo.drop_all], ids=["account", "all"]
)
def test_what_was_read_before_a_drop_is_not_kept_after_it(
    memo: Memo, drop: Callable[[Memo], None]
) -> None:
    generation = memo.generation
    drop(memo)
    memo.keep(b"a", Credential(ANA, FOREVER), generation)
    memo.keep(b"b", None, generation)
    assert (memo.find(b"a"), memo.find(b"b")) == (None, None)


def test_the_memo_counts_what_it_does_and_holds(memo: Memo) -> None:
    _keep(memo, b"a", ANA)
    _keep(memo, b"b", BRUNO)
    memo.keep(b"x", None, memo.generation)
    for place in (b"a", b"a", b"b", b"x", b"x", b"nobody's"):
        memo.find(place)
    assert memo.statistics() == MemoStatistics(hits=3, refusals=2, misses=1, known=2, refused=1)


@pytest.mark.parametrize("text", ["", "crk_0", "ñ", "\ud800"])
def test_the_digest_of_any_text_is_its_sha256(text: str) -> None:
    expected = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    assert digest(text) == expected
