"""The apps of a project; errors in their names are also reported by `org-common dev` (test_devserver.py)."""

from pathlib import Path

import pytest

from org_common.tools.project.apps import load
from org_common.tools.project.project import Project, ToolError

ROOT = Path(__file__).parents[3]


def test_apps_are_loaded_in_their_order() -> None:
    project = Project(ROOT, apps=("cora_modules.access.orgs:app",))

    assert [app.name for app in load(project)] == ["access-orgs"]


@pytest.mark.parametrize(
    ("apps", "words"),
    [
        ((), "no apps: list them"),
        (("cora_modules.nothing:app",), "cannot be loaded: No module named"),
        (("cora_modules.access.orgs:nothing",), "cannot be loaded: module .* has no attribute"),
        (("cora_modules.access.orgs:SIGNED_IN",), "expected an App, got Rule"),
    ],
)
def test_what_cannot_be_loaded_is_reported(apps: tuple[str, ...], words: str) -> None:
    with pytest.raises(ToolError, match=words):
        load(Project(ROOT, apps=apps))
