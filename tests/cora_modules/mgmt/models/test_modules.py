import pytest
from pydantic import ValidationError

from cora_modules.mgmt.models.modules import ModulePatch, OrgModulePatch


def test_organization_may_inherit_and_the_platform_decides() -> None:
    assert OrgModulePatch.model_validate({"enabled": None}).sent() == {"enabled": None}
    with pytest.raises(ValidationError):
        ModulePatch.model_validate({"isEnabled": None})
