import pytest
from pydantic import ValidationError

from cora_modules.ai.models.config import OrgConfig

CONFIG: dict[str, object] = {
    "mission": None,
    "customPrompts": [],
    "citationStyle": "numbers",
    "tone": "neutral",
    "maxResponseTokens": None,
    "chatModelId": None,
}


def test_every_field_is_required() -> None:
    """A PUT replaces all settings, so one that was forgotten is not silently the default."""
    OrgConfig.model_validate(CONFIG)
    for name in CONFIG:
        with pytest.raises(ValidationError):
            OrgConfig.model_validate({key: value for key, value in CONFIG.items() if key != name})
