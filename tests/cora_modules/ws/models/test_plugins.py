import pytest
from pydantic import ValidationError

from cora_modules.ws.models.plugins import NewPlugin


def test_settings_are_optional() -> None:
    assert NewPlugin(enabled=None).model_dump() == {"enabled": None, "config": {}}


def test_state_is_required() -> None:
    with pytest.raises(ValidationError):
        NewPlugin.model_validate({"config": {}})
