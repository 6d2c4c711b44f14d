import pytest
from pydantic import ValidationError

from cora_modules.access.models.invites import Acceptance, Invite, IssuedInvite, NewInvite


def test_token_is_shown_by_one_model_alone() -> None:
    assert IssuedInvite.__pydantic_fields__.keys() - Invite.__pydantic_fields__.keys() == {"org_name", "token"}


def test_invitation_is_for_a_user_unless_it_is_said() -> None:
    assert NewInvite(email="a@b.example").role == "org_user"


@pytest.mark.parametrize("token", ["", "x" * 201])
def test_token_has_its_length(token: str) -> None:
    with pytest.raises(ValidationError):
        Acceptance(token=token)
