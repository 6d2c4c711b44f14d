"""What a model takes for an e-mail, the database takes for one: in an invitation, of a user, and out of a token."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from cora_modules.access.models.fields import Email
from tests.cora_modules.access.world import ACME, Somebody, World

EMAILS = ["a@b.example", "A.B+c@D-e.Example", "o'neil@x.yz", "a" * 244 + "@b.example", "!#$%&*/=?^_`{|}~@a.b", "1@1.1"]
NO_EMAILS = ["", "a", "a@", "@b.example", "a@b", "a@b.example.", "a@-b.example", "a@b..example", "a b@c.example"]
NO_EMAILS += ["a@b.example\n", "a@b@c.example", '"a"@b.example', "\u212a@b.example", "ä@b.example", "a@bücher.example"]
NO_EMAILS += ["a" * 245 + "@b.example", "a@b_c.example", "a,b@c.example", "<a@b.example>"]
ADAPTER: TypeAdapter[Any] = TypeAdapter(Email)


def proven(world: World, email: str) -> str | None:
    """What the database makes of an e-mail that a token says is verified."""
    with world.admin.transaction(force_rollback=True):
        claims = Somebody("new", email=email).claims()
        world.admin.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        row = world.admin.execute("select access.verified_email() as email").fetchone()
    assert row is not None
    email_or_none: str | None = row["email"]
    return email_or_none


@pytest.mark.db
@pytest.mark.parametrize("email", EMAILS)
def test_email_is_one_to_model_table_and_token(still_world: World, email: str) -> None:
    taken = ADAPTER.validate_python(email)

    with still_world.admin.transaction(force_rollback=True):
        still_world.invite(ACME, taken)
        still_world.insert("users", email=taken)
    assert taken == email.lower() == proven(still_world, email)


@pytest.mark.db
@pytest.mark.parametrize("email", NO_EMAILS)
def test_email_is_none_to_model_and_token(still_world: World, email: str) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(email)

    assert proven(still_world, email) is None
