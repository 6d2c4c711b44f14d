"""Cursors cannot be read, made, changed or moved by a caller."""

import string
from base64 import urlsafe_b64decode

import pytest

from org_common.config.settings import SettingsError
from org_common.db.cursors import Cursors, SortKey
from org_common.db.protocol.statement import StatementError
from org_common.values.errors import BadRequest
from org_common.values.identity import Identity
from org_common.values.paging import MAX_CURSOR_LENGTH
from tests.support.lab import ALICE, BOB

OLD, NEW = "o" * 32, "n" * 32
SCOPE, SORT = "GET\n/orgs\n", "name,id"
MAX = MAX_CURSOR_LENGTH
VALUES = [SortKey("Acme", 25), SortKey("5f0c", 2950)]


def cursors(*keys: str, scope: str = SCOPE, sort: str = SORT, identity: Identity | None = ALICE) -> Cursors:
    return Cursors(keys or (OLD,), scope, sort, identity)


def is_refused(text: str, by: Cursors) -> bool:
    try:
        by.open(text)
    except BadRequest as error:
        return error.code == "invalid_cursor"
    return False


def test_a_cursor_opens() -> None:
    assert cursors().open(cursors().seal(VALUES)) == VALUES


def test_it_is_fit_for_a_query_string() -> None:
    text = cursors().seal([SortKey("ü/+?&=#% ", 25), SortKey("😀", 25)])

    assert set(text) <= set(string.ascii_letters + string.digits + "-_")


@pytest.mark.parametrize("text", ["", "ü", "\n\t\"'\\", "null", "[]", "NaN", "😀", "\x7f", "a" * 3_000, None])
@pytest.mark.parametrize("oid", [0, 25, 2**32 - 1])
def test_each_text_comes_back(text: str | None, oid: int) -> None:
    assert cursors().open(cursors().seal([SortKey(text, oid)])) == [(text, oid)]


def test_a_cursor_does_not_show_what_it_holds() -> None:
    """A sort key is the column's own text, of which the model may show less: a masked address, nothing of a secret."""
    text = cursors().seal([SortKey("swordfish" * 20, 25)])

    raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert not any(part in raw for part in (b"sword", b"fish", b"25", b"[["))
    # No part of the key stream comes twice, though the text repeats itself.
    pieces = [raw[at : at + 9] for at in range(16, len(raw) - 9)]
    assert len(set(pieces)) == len(pieces)


def test_the_same_page_has_the_same_cursor() -> None:
    """An ETag covers it: a list that has not changed is 304."""
    assert cursors().seal(VALUES) == cursors().seal(VALUES)


def test_different_sort_keys_share_no_key_stream() -> None:
    one, other = (cursors().seal([SortKey(text, 25)]) for text in ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaab"))

    same = sum(a == b for a, b in zip(one, other, strict=True))
    assert same < 12


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

    contexts: list[tuple[str, str, Identity | None]] = [
        ("a", "s", named("b", "c")),
        ("a\n\nb", "s", named("c", "")),
        ("a\n\nb\nc", "s", None),
        ("a", "s", named("b\nc", "")),
        ("a\n\nb", "s", named("", "c")),
        ("", "s", named("a", "b\nc")),
        ("a", "", named("b", "c")),
        ("as", "", named("b", "c")),
        ('a","s', "", named("b", "c")),
        ("a", "s", named('b","c', "")),
    ]
    texts = [cursors(scope=scope, sort=sort, identity=identity).seal(VALUES) for scope, sort, identity in contexts]

    assert len(set(texts)) == len(texts)
    for text in texts:
        assert sum(not is_refused(text, cursors(scope=a, sort=b, identity=c)) for a, b, c in contexts) == 1


def test_it_is_for_one_sort_order() -> None:
    text = cursors().seal(VALUES)

    for sort in ("id,name", "-name,id", "name,-id", "name", "name,id,", ""):
        assert is_refused(text, cursors(sort=sort))


def test_keys_rotate() -> None:
    before, both, after = cursors(OLD), cursors(NEW, OLD), cursors(NEW)
    old, new = before.seal(VALUES), both.seal(VALUES)

    assert both.open(old) == both.open(new) == VALUES
    assert after.open(new) == VALUES
    assert is_refused(old, after)
    assert is_refused(new, before)


def test_without_a_key_there_are_none() -> None:
    with pytest.raises(SettingsError, match="openssl rand -hex 32"):
        Cursors((), SCOPE, SORT, ALICE)


def test_what_is_sealed_can_be_opened() -> None:
    """Or it must not be given out: the list would end in an error."""
    text = cursors().seal([SortKey("x" * 4_500, 25)])

    assert len(text) < MAX_CURSOR_LENGTH
    assert cursors().open(text) == [("x" * 4_500, 25)]
    with pytest.raises(StatementError, match=r"sort by shorter columns, for example left\(title, 200\)"):
        cursors().seal([SortKey("x" * 4_700, 25)])


def test_longest_cursor_is_made_and_taken() -> None:
    sealed = next(text for size in range(4_500, 4_700) if len(text := cursors().seal([SortKey("x" * size, 25)])) == MAX)
    [key] = cursors().open(sealed)
    assert key.text is not None

    # One character of the sort key is one or two of the cursor.
    with pytest.raises(StatementError, match=f"and {MAX} can be sent"):
        cursors().seal([SortKey(key.text + "x", 25)])
    assert is_refused(sealed + "A", cursors())
