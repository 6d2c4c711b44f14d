"""The platform's first owner: whom the operator has named, and only as long as there is none."""

import psycopg
import pytest

from tests.cora_modules.access.arrivals import memberships, provision, without_owner
from tests.cora_modules.access.world import ACME, Somebody, World

pytestmark = pytest.mark.db


@pytest.mark.parametrize(
    "person",
    [
        Somebody("first"),
        Somebody("x", email="First@zq7.example"),
        Somebody("first", email="x@y.example", verified=False),
    ],
    ids=["subject", "email", "subject-with-unverified-email"],
)
def test_configured_identity_becomes_the_first_owner(world: World, person: Somebody) -> None:
    without_owner(world)

    answer = provision(world, person)

    assert (answer.status, answer.json()["sysRole"], answer.json()["organizations"]) == (200, "sys_owner", [])
    assert world.as_(person).get("/admin/sys/users").status == 200


def test_unverified_email_is_not_kept(world: World) -> None:
    without_owner(world)

    answer = provision(world, Somebody("first", email="alice@zq7.example", verified=False))

    assert (answer.status, answer.json()["email"]) == (200, None)


BAD_FIRSTS = {
    "other-issuer-subject": Somebody("first", issuer="https://evil.test"),
    "other-issuer-email": Somebody("x", issuer="https://evil.test", email="first@zq7.example"),
    "unverified": Somebody("x", email="first@zq7.example", verified=False),
    "email-as-subject": Somebody("first@zq7.example"),
    "other-subject": Somebody("first2"),
}


@pytest.mark.parametrize("person", BAD_FIRSTS.values(), ids=BAD_FIRSTS)
def test_nobody_else_does(world: World, person: Somebody) -> None:
    without_owner(world)

    answer = provision(world, person)

    assert (answer.status, answer.json()["code"]) == (403, "not_invited")


@pytest.mark.parametrize("person", [Somebody("first"), Somebody("x", email="first@zq7.example")], ids=["sub", "email"])
def test_platform_with_an_owner_takes_no_first_one(still_world: World, person: Somebody) -> None:
    answer = provision(still_world, person)

    assert (answer.status, answer.json()["code"]) == (403, "not_invited")


def test_second_configured_identity_comes_too_late(world: World) -> None:
    without_owner(world)
    first = provision(world, Somebody("first"))

    second = provision(world, Somebody("x", email="first@zq7.example"))

    assert (first.status, second.status) == (200, 403)


def test_invitation_comes_before_the_first_owner(world: World) -> None:
    without_owner(world)
    world.invite(ACME, "first@zq7.example")

    answer = provision(world, Somebody("x", email="first@zq7.example"))

    assert (answer.json()["sysRole"], memberships(answer)) == ("sys_user", {ACME: "org_user"})


def test_operator_names_the_first_owner_as_the_migrator(world: World) -> None:
    with psycopg.connect(world.local.migrator_url) as conn:
        conn.execute(
            "insert into access.bootstrap_identities (issuer, kind, value) values ('https://i', 'email', 'a@b.example')"
        )
        found = conn.execute("select issuer from access.bootstrap_identities order by 1").fetchall()

    assert found[0] == ("https://i",)
