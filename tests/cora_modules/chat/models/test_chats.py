import pytest

from cora_modules.chat.models.chats import ChatPatch, NewChat, NewMember
from tests.cora_modules.ws.world import IDS


def test_patch_has_title_and_sharing_only() -> None:
    assert ChatPatch.__pydantic_fields__.keys() == {"title", "is_shared"}


def test_new_chat_is_private_and_has_a_title() -> None:
    assert NewChat().model_dump() == {"title": "New chat", "is_shared": False}


@pytest.mark.parametrize("access", ["view", "edit"])
def test_member_views_unless_more_is_said(access: str) -> None:
    assert NewMember(user_id=IDS["grace"]).access == "view"
    assert NewMember.model_validate({"user_id": IDS["grace"], "access": access}).access == access
