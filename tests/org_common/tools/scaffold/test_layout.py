import re
from pathlib import Path

import pytest

from org_common.tools.project.project import Project
from org_common.tools.scaffold.layout import Layout
from org_common.tools.scaffold.names import ScaffoldError


def test_layout_of_a_new_project(layout: Layout) -> None:
    assert (layout.package, layout.people, layout.demo, layout.tests) == (
        "help_desk",
        "help_desk",
        "help_desk.demo",
        "tests",
    )
    assert layout.has_table("notes")
    assert not layout.has_table("note")


def test_migrations_are_numbered_on(layout: Layout) -> None:
    assert layout.next_migration("tickets") == "src/help_desk/migrations/0003_tickets.sql"


def test_unknown_package_is_named_with_the_known_ones(project: Path) -> None:
    with pytest.raises(ScaffoldError, match="no package billing.*choose one of help_desk"):
        Layout.of(Project.find(project), "billing")


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("pyproject.toml", 'demo = "help_desk.demo"', "", 'demo = "shop.demo"'),
        ("pyproject.toml", '"help_desk"]', '"sql=db"]', "extends projects that `org-common new` wrote"),
        (
            "src/help_desk/migrations/0001_people_and_orgs.sql",
            "org_ids",
            "ids",
            "no migration creates a function org_ids",
        ),
    ],
)
def test_other_projects_are_refused(project: Path, file: str, old: str, new: str, message: str) -> None:
    path = project / file
    path.write_text(path.read_text().replace(old, new))

    with pytest.raises(ScaffoldError, match=re.escape(message)):
        Layout.of(Project.find(project))
