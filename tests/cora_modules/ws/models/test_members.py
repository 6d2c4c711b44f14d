from cora_modules.ws.models.members import MemberPatch, NewMember
from tests.cora_modules.ws.world import IDS


def test_patch_has_the_role_only() -> None:
    assert MemberPatch.__pydantic_fields__.keys() == {"role"}


def test_default_role_of_a_new_member_is_the_lowest() -> None:
    assert NewMember(user_id=IDS["grace"]).role == "ws_user"
