"""The database accepts each profile that the model accepts."""

import pytest
from pydantic import ValidationError

from cora_modules.access.models.me import MePatch
from tests.cora_modules.access.world import IDS, World

PHONES = ["+41 44 668 18 00", "112", "+1 (555) 010-9999", "0" * 40, "030/12.34"]


@pytest.mark.db
@pytest.mark.parametrize(
    ("column", "value"),
    [
        *[("phone", phone) for phone in PHONES],
        ("full_name", "x" * 200),
        ("full_name", "\U0001f680"),
        ("avatar_url", "https://a/" + "x" * 1990),
        ("avatar_url", "http://a"),
    ],
)
def test_profile_of_the_model_is_accepted_by_the_database(readonly_world: World, column: str, value: str) -> None:
    assert MePatch.model_validate({column: value}).sent() == {column: value}

    with readonly_world.admin.transaction(force_rollback=True):
        readonly_world.admin.execute(f"update access.users set {column} = %s where id = %s", [value, IDS["alice"]])


@pytest.mark.parametrize(
    "phone", ["", "1", "+", "call", "+41\n44", "1" * 41, "+41 44 668 18 00 x", "\u0661\u0662\u0663"]
)
def test_invalid_phone_is_rejected(phone: str) -> None:
    with pytest.raises(ValidationError):
        MePatch.model_validate({"phone": phone})


def test_patch_has_the_fields_that_may_change_only() -> None:
    assert MePatch.__pydantic_fields__.keys() == {"full_name", "avatar_url", "phone", "current_org_id", "metadata"}
