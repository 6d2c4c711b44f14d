"""The model of sessions."""

from cora_modules.access.models.sessions import Session


def test_session_shows_no_token() -> None:
    assert Session.__pydantic_fields__.keys() == {"started_at", "expires_at", "user_agent"}
