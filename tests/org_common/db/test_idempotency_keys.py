"""Whose a key is, what is one, and who gets the answer that is stored under it."""

from collections.abc import Iterator

import psycopg
import pytest

from cora_modules.demo import ACME, GLOBEX
from org_common.testing.client import Client, Person
from tests.org_common.db.notes import BOB, CAROL, NOTES, REPLAYED, STRANGER, alices, post
from tests.support import lab as people
from tests.support.lab import Lab

pytestmark = pytest.mark.db


@pytest.fixture
def client(lab: Lab) -> Iterator[Client]:
    with alices(lab) as client:
        yield client


def test_a_key_is_of_one_caller_one_method_and_one_path(lab: Lab, client: Client) -> None:
    globex = NOTES.replace(str(ACME), str(GLOBEX))
    answers = [
        post(client, "k"),
        post(client.as_(CAROL), "k"),
        post(client, "k", method="PUT"),
        post(client, "k", path=NOTES.replace("notes", "others")),
        post(client.as_(BOB), "k", path=globex),
    ]

    assert [answer.status for answer in answers] == [201, 201, 200, 201, 201]
    assert not any(REPLAYED in answer.headers for answer in answers)
    assert len(lab.notes()) == 5
    assert post(client.as_(BOB), "k").status == 404


def test_two_tokens_of_one_user_are_one_caller(lab: Lab, client: Client) -> None:
    lab.tell(
        "insert into access.user_identities (issuer, subject, user_id) select 'https://two.test', 'a', user_id "
        "from access.user_identities where subject = 'local|alice' on conflict do nothing"
    )
    first = post(client, "k")

    second = post(client.as_(Person("a", issuer="https://two.test")), "k")

    assert second.body == first.body
    assert len(lab.notes()) == 1


NO_KEYS = ["", " ", '""', '"', '"a', 'a"', 'a"b', '"a"b"', "a b", "a\tb", "a\nb", "a\0b", "ü", '"ü"', "\x7f", "a" * 256]


@pytest.mark.parametrize("key", NO_KEYS)
def test_what_is_no_key_is_refused(lab: Lab, client: Client, key: str) -> None:
    answer = post(client, key)

    assert (answer.status, answer.json()["code"]) == (400, "invalid_idempotency_key")
    assert lab.notes() == []


KEYS = [
    "a",
    "a" * 255,
    "0198a000-0000-7000-8000-00000000ac3e",
    "'; drop table app.stored_responses --",
    '"a b"',
    "%s%(a)s",
    "\\",
]


@pytest.mark.parametrize("key", [key.replace(" ", "_") if key[0] != '"' else key for key in KEYS])
def test_what_is_a_key_is_taken(lab: Lab, client: Client, key: str) -> None:
    first, second = post(client, key), post(client, f" {key} ")

    assert (first.status, second.status) == (201, 201)
    assert second.headers[REPLAYED] == "true"
    assert len(lab.notes()) == 1


def test_with_or_without_quotes_it_is_the_same_key(lab: Lab, client: Client) -> None:
    post(client, "k")

    assert post(client, '"k"').headers[REPLAYED] == "true"


def test_a_replay_is_under_todays_rights(lab: Lab, client: Client) -> None:
    """Whoever is no member any more gets no answer of when he was one."""
    carol = client.as_(CAROL)
    member = lab.user_id(people.CAROL)
    assert post(carol, "k").status == 201
    try:
        lab.tell("delete from access.org_members where user_id = %s", member)
        gone = post(carol, "k")
    finally:
        lab.tell(
            "insert into access.org_members (org_id, user_id, org_role) values (%s, %s, 'org_user')",
            ACME,
            member,
        )

    assert (gone.status, gone.json()["code"]) == (404, "not_found")
    assert post(carol, "k").headers[REPLAYED] == "true"
    assert post(client.as_(Person("local|carol", expires_in_s=-60)), "k").status == 401
    assert post(client.as_(None), "k").status == 401


def test_nobody_reads_or_changes_what_is_stored(lab: Lab, client: Client) -> None:
    post(client, "k")
    texts = [
        "select * from app.stored_responses",
        "delete from app.stored_responses",
        "update app.stored_responses set body = ''",
    ]

    for url in (lab.local.login_url, lab.local.service_url):
        with psycopg.connect(url, autocommit=True) as conn:
            for text in texts:
                # The service's purge sees when they expire, and takes what has expired.
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    conn.execute("set role authenticated" if "app_login" in url else "select 1")
                    conn.execute(text if "delete" not in text else f"{text} where key = 'k'")

    assert post(client, "k").headers[REPLAYED] == "true"


def test_a_first_sign_in_is_answered_once(lab: Lab, client: Client) -> None:
    stranger = client.as_(STRANGER)

    first, second = post(stranger, "k", path="/sign-in"), post(stranger, "k", path="/sign-in")

    assert first.json()["user"] is None
    assert second.body == first.body


def test_a_first_sign_in_that_made_its_user_is_answered_once(lab: Lab, client: Client) -> None:
    """The platform knows him when the request comes again: he is another caller by then, and the key is the same."""
    newcomer = client.as_(Person("local|newcomer"))

    first = post(newcomer, "k", path="/sign-in")
    lab.tell(
        "with u as (insert into access.users (email) values ('newcomer@example.com') returning id) "
        "insert into access.user_identities (issuer, subject, user_id) select %s, 'local|newcomer', id from u",
        people.ISSUER,
    )
    second = post(newcomer, "k", path="/sign-in")
    lab.tell("delete from access.users where email = 'newcomer@example.com'")

    assert second.headers.get(REPLAYED) == "true"
    assert second.body == first.body
