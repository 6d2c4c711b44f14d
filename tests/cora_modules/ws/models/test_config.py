from cora_modules.ws.models.config import NewOrgConfig, OrgConfig, SysConfig


def test_every_setting_is_required() -> None:
    fields = [*SysConfig.__pydantic_fields__.values(), *NewOrgConfig.__pydantic_fields__.values()]

    assert all(field.is_required() for field in fields)


def test_response_adds_the_limit_in_force() -> None:
    added = OrgConfig.__pydantic_fields__.keys() - NewOrgConfig.__pydantic_fields__.keys()

    assert added == {"effective_max_workspaces_per_user"}
