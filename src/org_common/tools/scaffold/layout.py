"""An existing project, as far as generated files depend on it: packages, schemas and the numbers of migrations."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from org_common.tools.project.project import Project
from org_common.tools.scaffold.names import ScaffoldError

ORG_IDS = re.compile(r"create (?:or replace )?function (\w+)\.org_ids\(", re.IGNORECASE)


@dataclass(frozen=True)
class Layout:
    """Where the files of one package of a project are."""

    root: Path
    """Folder of the pyproject.toml."""
    package: str
    """The package that gets the files; its schema has the same name."""
    people: str
    """The schema with the tables of users and organizations, and with `org_ids()`."""
    demo: str
    """Module with the demo users, which the tests sign in as."""
    project: str
    """Name of the project, which the names of its apps start with."""

    @property
    def source(self) -> str:
        """The folder of the package, relative to the root."""
        return f"src/{self.package}"

    @property
    def tests(self) -> str:
        """The folder of the package's tests, relative to the root."""
        home = self.demo.partition(".")[0]
        return "tests" if self.package == home else f"tests/{self.package}"

    @classmethod
    def of(cls, project: Project, package: str | None = None) -> Layout:
        """The layout of `package`, by default the project's first. Raises `ScaffoldError` for another kind of project.

        The project has packages in `src` with migrations, a demo module, and a function `org_ids()` in one of the
        migrations, as `org-common new` writes them.
        """
        packages = [name for name in project.migrations if (project.root / "src" / name / "migrations").is_dir()]
        if not packages:
            raise ScaffoldError(
                f"{project.root / 'pyproject.toml'}: no package of migrations is a folder in src. `org-common add`"
                ' extends projects that `org-common new` wrote: src/shop/migrations, and migrations = ["shop"]'
            )
        if package is not None and package not in packages:
            raise ScaffoldError(
                f"there is no package {package} with migrations: choose one of {', '.join(packages)}, or write one"
                f" with `org-common add module {package}`"
            )
        if project.demo is None:
            raise ScaffoldError('the tests need demo users: name their module in pyproject.toml, demo = "shop.demo"')
        people = _people(project.root, packages)
        return cls(project.root, package or packages[0], people, project.demo, project.name)

    def next_migration(self, name: str) -> str:
        """The path of the package's next migration: numbered on behind the last one."""
        folder = self.root / self.source / "migrations"
        numbers = [int(file.name[:4]) for file in folder.glob("[0-9][0-9][0-9][0-9]_*.sql")]
        return f"{self.source}/migrations/{max(numbers, default=0) + 1:04}_{name}.sql"

    def has_table(self, table: str) -> bool:
        """Whether a migration of the package creates this table."""
        created = re.compile(rf"create table (?:if not exists )?{self.package}\.{table}\b", re.IGNORECASE)
        return any(created.search(file.read_text(encoding="utf-8")) for file in self.migrations())

    def migrations(self) -> Sequence[Path]:
        """The package's migrations, in order."""
        return sorted((self.root / self.source / "migrations").glob("*.sql"))


def _people(root: Path, packages: Sequence[str]) -> str:
    for package in packages:
        for file in sorted((root / "src" / package / "migrations").glob("*.sql")):
            if found := ORG_IDS.search(file.read_text(encoding="utf-8")):
                return found[1]
    raise ScaffoldError(
        "no migration creates a function org_ids(), which returns the organizations of the caller, for policies. Copy"
        " it from the first migration of a project that `org-common new` writes"
    )
