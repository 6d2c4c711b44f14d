from cora_modules.ws.models.workspaces import Activity, NewWorkspace, WorkspacePatch


def test_patch_has_the_fields_that_may_change() -> None:
    changeable = {"name", "description", "color", "icon", "tags", "status", "retention_days"}

    assert WorkspacePatch.__pydantic_fields__.keys() == changeable


def test_tags_of_two_workspaces_are_two_lists() -> None:
    first, second = NewWorkspace(name="a"), NewWorkspace(name="b")

    first.tags.append("x")

    assert second.tags == []


def test_activity_has_no_content_of_the_workspace() -> None:
    assert Activity.__pydantic_fields__.keys() == {"id", "event", "actor_id", "detail", "created_at"}
