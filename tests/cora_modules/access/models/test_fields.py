"""Models, tables and tokens agree on which e-mails are valid."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from cora_modules.access.models.fields import Email
from tests.cora_modules.access.world import ACME, TokenHolder, World

EMAILS = ["a@b.example", "A.B+c@D-e.Example", "o'neil@x.yz", "a" * 244 + "@b.example", "!#$%&*/=?^_`{|}~@a.b", "1@1.1"]
INVALID_EMAILS = ["", "a", "a@", "@b.example", "a@b", "a@b.example.", "a@-b.example", "a@b..example", "a b@c.example"]
INVALID_EMAILS += [
    "a@b.example\n",
    "a@b@c.example",
    '"a"@b.example',
    "\u212a@b.example",
    "ä@b.example",
    "a@bücher.example",
]
INVALID_EMAILS += ["a" * 245 + "@b.example", "a@b_c.example", "a,b@c.example", "<a@b.example>"]
ADAPTER: TypeAdapter[Any] = TypeAdapter(Email)


def verified_email(world: World, email: str) -> str | None:
    """The e-mail that the database reads from a token with this verified e-mail."""
    with world.admin.transaction(force_rollback=True):
        claims = TokenHolder("new", email=email).claims()
        world.admin.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        row = world.admin.execute("select access.verified_email() as email").fetchone()
    assert row is not None
    verified: str | None = row["email"]
    return verified


@pytest.mark.db
@pytest.mark.parametrize("email", EMAILS)
def test_valid_email_is_accepted_by_model_table_and_token(readonly_world: World, email: str) -> None:
    accepted = ADAPTER.validate_python(email)

    with readonly_world.admin.transaction(force_rollback=True):
        readonly_world.invite(ACME, accepted)
        readonly_world.insert("users", email=accepted)
    assert accepted == email.lower() == verified_email(readonly_world, email)


@pytest.mark.db
@pytest.mark.parametrize("email", INVALID_EMAILS)
def test_invalid_email_is_rejected_by_model_and_token(readonly_world: World, email: str) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(email)

    assert verified_email(readonly_world, email) is None
