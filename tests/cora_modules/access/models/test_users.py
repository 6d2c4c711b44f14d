"""What the models of people let in, the database lets in too."""

import pytest
from pydantic import ValidationError

from cora_modules.access.models.users import MemberPatch, MePatch, NewMember, SysUserPatch
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
def test_profile_that_the_model_takes_is_taken_by_the_database(still_world: World, column: str, value: str) -> None:
    assert MePatch.model_validate({column: value}).sent() == {column: value}

    with still_world.admin.transaction(force_rollback=True):
        still_world.admin.execute(f"update access.users set {column} = %s where id = %s", [value, IDS["alice"]])


@pytest.mark.parametrize(
    "phone", ["", "1", "+", "call", "+41\n44", "1" * 41, "+41 44 668 18 00 x", "\u0661\u0662\u0663"]
)
def test_phone_that_is_none_is_refused(phone: str) -> None:
    with pytest.raises(ValidationError):
        MePatch.model_validate({"phone": phone})


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (MePatch, {"full_name", "avatar_url", "phone", "current_org_id", "metadata"}),
        (MemberPatch, {"role"}),
        (SysUserPatch, {"sys_role", "is_active"}),
    ],
)
def test_patch_takes_what_may_change_and_nothing_more(
    model: type[MePatch | MemberPatch | SysUserPatch], fields: set[str]
) -> None:
    assert model.__pydantic_fields__.keys() == fields


def test_new_member_is_a_user_unless_it_is_said() -> None:
    assert NewMember(user_id=IDS["erin"]).role == "org_user"
