import pytest
from pydantic import ValidationError

from cora_modules.access.models.invites import Acceptance, Invite, IssuedInvite, NewInvite


def test_token_is_in_one_model_only() -> None:
    assert IssuedInvite.__pydantic_fields__.keys() - Invite.__pydantic_fields__.keys() == {"org_name", "token"}


def test_default_role_of_an_invitation_is_the_lowest() -> None:
    assert NewInvite(email="a@b.example").role == "org_user"


@pytest.mark.parametrize("token", ["", "x" * 201])
def test_token_of_another_length_is_rejected(token: str) -> None:
    with pytest.raises(ValidationError):
        Acceptance(token=token)
