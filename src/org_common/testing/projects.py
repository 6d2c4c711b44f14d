"""The projects of a test run: several projects in one repository each have their own migrations."""

from __future__ import annotations

import tomllib
import uuid
import warnings
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from org_common.tools.database.local import LocalDatabase


@cache
def nearest(folder: Path) -> Path | None:
    """The nearest folder, from `folder` up, whose pyproject.toml has a table `[tool.org-common]`; None without one."""
    for each in (folder, *folder.parents):
        try:
            with (each / "pyproject.toml").open("rb") as file:
                document = tomllib.load(file)
        except (OSError, ValueError):
            continue
        if "org-common" in document.get("tool", {}):
            return each
    return None


def extensions(folders: Iterable[Path]) -> tuple[str, ...]:
    """The extensions of the projects of these folders. A folder without a project has none."""
    from org_common.tools.project.project import Project, ProjectError

    found: dict[str, None] = {}
    for folder in folders:
        try:
            found |= dict.fromkeys(Project.find(folder).extensions)
        except ProjectError:
            continue
    return tuple(found)


class Templates:
    """A migrated database for each project, made when a test of the project first needs one."""

    def __init__(self, postgres: str) -> None:
        """`postgres` is the superuser's URL of the server."""
        self._postgres = postgres
        self._made: dict[Path, LocalDatabase] = {}

    def of(self, folder: Path) -> LocalDatabase:
        """The database with all migrations of the project of this folder, for copies only.

        Raises `ToolError` without a project, or if a migration fails.
        """
        from org_common.tools.database.local import provision
        from org_common.tools.database.migrations import load
        from org_common.tools.project.project import Project, make_importable

        project = Project.find(folder)
        if project.root not in self._made:
            make_importable(project)
            migrations = load(project.migrations, root=project.root)
            name = f"template_{uuid.uuid4().hex}"
            template = provision(self._postgres, name, migrations, extensions=project.extensions)
            self._made[project.root] = template
            _warn_of_security(template)
        return self._made[project.root]

    def drop(self) -> None:
        """Drop all of them."""
        from org_common.tools.database.local import drop

        while self._made:
            drop(self._made.popitem()[1])


def _warn_of_security(template: LocalDatabase) -> None:
    """Warn of what `org-common db guard` finds: a test that looks at other tables would not notice."""
    from org_common.tools.database import guard, policies

    url = template.login_url
    for finding in [*guard.check_database(url), *policies.check_policies(url, guard.ROLES)]:
        warnings.warn(f"org-common db guard: {finding}", stacklevel=1)
