"""The platform's first owner: configured by the operator, and used only while there is no owner."""

import psycopg
import pytest

from tests.cora_modules.access.arrivals import memberships, provision, remove_sys_owners
from tests.cora_modules.access.world import ACME, TokenHolder, World

pytestmark = pytest.mark.db


@pytest.mark.parametrize(
    "person",
    [
        TokenHolder("first"),
        TokenHolder("x", email="First@zq7.example"),
        TokenHolder("first", email="x@y.example", verified=False),
    ],
    ids=["subject", "email", "subject-with-unverified-email"],
)
def test_configured_identity_becomes_the_first_owner(world: World, person: TokenHolder) -> None:
    remove_sys_owners(world)

    response = provision(world, person)

    assert (response.status, response.json()["sysRole"], response.json()["organizations"]) == (200, "sys_owner", [])
    assert world.as_(person).get("/admin/sys/users").status == 200


def test_unverified_email_is_not_stored(world: World) -> None:
    remove_sys_owners(world)

    response = provision(world, TokenHolder("first", email="alice@zq7.example", verified=False))

    assert (response.status, response.json()["email"]) == (200, None)


OTHER_IDENTITIES = {
    "other-issuer-subject": TokenHolder("first", issuer="https://evil.test"),
    "other-issuer-email": TokenHolder("x", issuer="https://evil.test", email="first@zq7.example"),
    "unverified": TokenHolder("x", email="first@zq7.example", verified=False),
    "email-as-subject": TokenHolder("first@zq7.example"),
    "other-subject": TokenHolder("first2"),
}


@pytest.mark.parametrize("person", OTHER_IDENTITIES.values(), ids=OTHER_IDENTITIES)
def test_other_identity_is_refused(world: World, person: TokenHolder) -> None:
    remove_sys_owners(world)

    response = provision(world, person)

    assert (response.status, response.json()["code"]) == (403, "not_invited")


@pytest.mark.parametrize(
    "person", [TokenHolder("first"), TokenHolder("x", email="first@zq7.example")], ids=["sub", "email"]
)
def test_platform_with_an_owner_admits_no_first_one(readonly_world: World, person: TokenHolder) -> None:
    response = provision(readonly_world, person)

    assert (response.status, response.json()["code"]) == (403, "not_invited")


def test_second_configured_identity_is_refused(world: World) -> None:
    remove_sys_owners(world)
    first = provision(world, TokenHolder("first"))

    second = provision(world, TokenHolder("x", email="first@zq7.example"))

    assert (first.status, second.status) == (200, 403)


def test_invitation_precedes_the_configured_owner(world: World) -> None:
    remove_sys_owners(world)
    world.invite(ACME, "first@zq7.example")

    response = provision(world, TokenHolder("x", email="first@zq7.example"))

    assert (response.json()["sysRole"], memberships(response)) == ("sys_user", {ACME: "org_user"})


def test_migrator_configures_the_first_owner(world: World) -> None:
    with psycopg.connect(world.local.migrator_url) as conn:
        conn.execute(
            "insert into access.bootstrap_identities (issuer, kind, value) values ('https://i', 'email', 'a@b.example')"
        )
        rows = conn.execute("select issuer from access.bootstrap_identities order by 1").fetchall()

    assert rows[0] == ("https://i",)
