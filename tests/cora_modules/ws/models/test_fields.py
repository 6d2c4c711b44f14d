"""The database accepts what the models accept: a value that it rejects is a 422 without a pointer."""

import psycopg
import pytest
from pydantic import ValidationError

from cora_modules.ws.models.config import SysConfig
from cora_modules.ws.models.workspaces import NewWorkspace
from tests.cora_modules.access.world import ACME
from tests.cora_modules.ws.world import WsWorld

pytestmark = pytest.mark.db

SETTINGS = {
    "label_singular": "a",
    "label_plural": "b",
    "default_color": "#000000",
    "default_icon": None,
    "max_workspaces_per_user": 1,
    "max_members_per_workspace": 1,
    "retention_days": 1,
}


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("name", ["a", "n" * 200, "Ünï"], ["", " ", "n" * 201]),
        ("description", [None, "", "d" * 2000], ["d" * 2001]),
        ("color", ["#000000", "#abcdef", "#ABCDEF"], ["", "000000", "#0000000", "#00000g", "#000000\n"]),
        ("icon", [None, "i" * 200], ["", "i" * 201]),
        ("tags", [[], ["t"] * 20, ["t" * 50] * 20], [["t"] * 21, ["t" * 51], [""], [None]]),
        ("retention_days", [None, 1, 365], [0, 366, -1]),
    ],
)
def test_workspace_of_the_model_is_accepted_by_the_database(
    readonly_world: WsWorld, field: str, good: list[object], bad: list[object]
) -> None:
    for value in good:
        sent = NewWorkspace.model_validate({"name": "x", "color": "#000000", field: value}).model_dump()
        with readonly_world.admin.transaction(force_rollback=True):
            readonly_world.add("workspaces", org_id=ACME, **sent)
    for value in bad:
        with pytest.raises(ValidationError):
            NewWorkspace.model_validate({"name": "x", field: value})


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("label_singular", ["a", "n" * 200], ["", "n" * 201]),
        ("default_color", ["#abcdef"], ["", "red"]),
        ("default_icon", [None, "i" * 200], ["", "i" * 201]),
        ("max_workspaces_per_user", [1, 10_000], [0, 10_001]),
        ("max_members_per_workspace", [1, 10_000], [0, 10_001]),
        ("retention_days", [1, 365], [0, 366]),
    ],
)
def test_settings_of_the_model_are_accepted_by_the_database(
    readonly_world: WsWorld, field: str, good: list[object], bad: list[object]
) -> None:
    update = f"update ws.ws_config_sys set {field} = %s"
    for value in good:
        sent = SysConfig.model_validate({**SETTINGS, field: value}).model_dump()
        with readonly_world.admin.transaction(force_rollback=True):
            readonly_world.admin.execute(update.encode(), [sent[field]])
    for value in bad:
        with pytest.raises(ValidationError):
            SysConfig.model_validate({**SETTINGS, field: value})
        with pytest.raises(psycopg.errors.CheckViolation), readonly_world.admin.transaction():
            readonly_world.admin.execute(update.encode(), [value])
