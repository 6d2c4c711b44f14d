"""The models of the platform's users."""

from cora_modules.access.models.users import SysUserPatch


def test_patch_has_the_fields_that_may_change_only() -> None:
    assert SysUserPatch.__pydantic_fields__.keys() == {"sys_role", "is_active"}
