"""Cursors cannot be made, changed or moved by a caller."""

import datetime
import string
import uuid
from decimal import Decimal
from typing import Any

import pytest

from org_common.config.settings import SettingsError
from org_common.db.page import Cursors
from org_common.db.protocol.statement import StatementError
from org_common.values.errors import BadRequest
from org_common.values.identity import Identity
from tests.support.lab import ALICE, BOB

OLD, NEW = "o" * 32, "n" * 32
SCOPE = "GET\n/orgs\n"
VALUES = ["Acme", "5f0c"]


def cursors(*keys: str, scope: str = SCOPE, identity: Identity | None = ALICE) -> Cursors:
    return Cursors(keys or (OLD,), scope, identity)


def is_refused(text: str, by: Cursors, count: int = len(VALUES)) -> bool:
    try:
        by.open(text, count)
    except BadRequest as error:
        return error.code == "invalid_cursor"
    return False


def test_a_cursor_opens() -> None:
    assert cursors().open(cursors().seal(VALUES), 2) == VALUES


def test_it_is_fit_for_a_query_string() -> None:
    text = cursors().seal(["ü/+?&=#% ", "😀"])

    assert set(text) <= set(string.ascii_letters + string.digits + "-_.")


@pytest.mark.parametrize(
    "value",
    [
        "",
        "ü",
        "\n\t\"'\\",
        0,
        -(2**63),
        2**70,
        True,
        1.1,
        float("inf"),
        Decimal("1E-30"),
        uuid.UUID(int=7),
        datetime.date(1, 1, 1),
        datetime.time(23, 59, 59, 999999),
        datetime.datetime(2026, 1, 2, 3, 4, 5, 6, datetime.UTC),
        datetime.timedelta(days=-1, microseconds=1),
    ],
    ids=repr,
)
def test_values_become_text(value: object) -> None:
    (opened,) = cursors().open(cursors().seal([value]), 1)

    expected = value.isoformat() if isinstance(value, datetime.date | datetime.time) else str(value)
    assert opened == expected


def test_every_change_of_a_single_character_is_refused() -> None:
    text, mine = cursors().seal(VALUES), cursors()
    others = string.ascii_letters + string.digits + "-_.=+/ %!~\n\0é"

    for at, original in enumerate(text):
        for other in set(others) - {original}:
            assert is_refused(text[:at] + other + text[at + 1 :], mine), (at, other)


def test_everything_put_in_or_left_out_is_refused() -> None:
    text, mine = cursors().seal(VALUES), cursors()

    for at in range(len(text) + 1):
        for more in ("A", ".", "=", "!", " ", "\n", "-"):
            assert is_refused(text[:at] + more + text[at:], mine), (at, more)
        for less in (1, 2, 4):
            if at + less <= len(text):
                assert is_refused(text[:at] + text[at + less :], mine), (at, less)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a",
        "é.é",
        "\0",
        "\ud800",
        "%",
        "null",
        "W10",
        "W10.",
        ".W10",
        "a" * 3_000,
        "a" * 3_000_000,
        "." * 2_000,
        "😀",
    ],
    ids=lambda text: repr(text[:10]),
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    assert is_refused(text, cursors())
    assert is_refused(text, cursors(), 0)


def test_it_is_for_one_scope_and_caller() -> None:
    text = cursors().seal(VALUES)

    for scope in ("", "GET\n/orgs", "GET\n/orgs\n ", "GET\n/orgs/1\n", SCOPE + "\n"):
        assert is_refused(text, cursors(scope=scope))
    twin = Identity(issuer="https://other.test", subject=ALICE.subject, expires_at=0)
    for identity in (BOB, None, twin):
        assert is_refused(text, cursors(identity=identity))


def test_scope_and_caller_do_not_run_into_each_other() -> None:
    """Where the one ends and the other begins cannot be moved."""

    def named(issuer: str, subject: str) -> Identity:
        return Identity(issuer=issuer, subject=subject, expires_at=0)

    pairs: list[tuple[str, Identity | None]] = [
        ("a", named("b", "c")),
        ("a\n\nb", named("c", "")),
        ("a\n\nb\nc", None),
        ("a\n\nb\nc\n\n", None),
        ("a", named("b\nc", "")),
        ("a\n\nb", named("", "c")),
        ("", named("a", "b\nc")),
    ]
    texts = [cursors(scope=scope, identity=identity).seal(VALUES) for scope, identity in pairs]

    assert len(set(texts)) == len(texts)


def test_it_is_for_one_number_of_keys() -> None:
    assert is_refused(cursors().seal(VALUES), cursors(), 1)
    assert is_refused(cursors().seal(VALUES), cursors(), 3)


def test_keys_rotate() -> None:
    before, both, after = cursors(OLD), cursors(NEW, OLD), cursors(NEW)
    old, new = before.seal(VALUES), both.seal(VALUES)

    assert both.open(old, 2) == both.open(new, 2) == VALUES
    assert after.open(new, 2) == VALUES
    assert is_refused(old, after)
    assert is_refused(new, before)


def test_without_a_key_there_are_none() -> None:
    with pytest.raises(SettingsError, match="openssl rand -hex 32"):
        Cursors((), SCOPE, ALICE)


def test_a_null_has_no_place_in_an_order() -> None:
    with pytest.raises(StatementError, match="null"):
        cursors().seal(["x", None])


def test_what_is_sealed_can_be_opened() -> None:
    """Or it must not be given out: the list would end in an error."""
    long: list[Any] = ["x" * 1_900]

    text = cursors().seal(long)

    assert cursors().open(text, 1) == long
