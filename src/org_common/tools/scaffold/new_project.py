"""A new project: configuration, people and organizations, demo users, one guarded table, checks and editor settings."""

from __future__ import annotations

from pathlib import Path

from org_common.tools.prove.declaration import FILE
from org_common.tools.scaffold import isolation
from org_common.tools.scaffold import table as tables
from org_common.tools.scaffold.layout import Layout
from org_common.tools.scaffold.pyproject_edit import added
from org_common.tools.scaffold.table import Table
from org_common.tools.scaffold.templates import render

TEMPLATES = {
    ".editorconfig": "new/editorconfig",
    ".github/workflows/ci.yml": "new/ci.yml",
    ".gitignore": "new/gitignore",
    ".vscode/extensions.json": "new/vscode_extensions.json",
    ".vscode/launch.json": "new/vscode_launch.json",
    ".vscode/settings.json": "new/vscode_settings.json",
    "README.md": "new/README.md",
    "src/{package}/__init__.py": "new/package.py",
    "src/{package}/authorizer.py": "new/authorizer.py",
    "src/{package}/demo.py": "new/demo.py",
    "src/{package}/migrations/0001_people_and_orgs.sql": "new/people.sql",
    "src/{package}/migrations/isolation.toml": "new/isolation.toml",
    "src/{package}/models/__init__.py": "new/models.py",
    "src/{package}/queries/__init__.py": "new/queries.py",
}


def files(root: Path, project: str, package: str, table: Table) -> dict[str, str]:
    """The files of the project in the folder `root`, by their paths."""
    layout = Layout(root, package, package, f"{package}.demo", project)
    values = {
        "project": project,
        "package": package,
        "schema": package,
        "table": table.noun.plural.replace("_", "-"),
        "title": project.replace("-", " ").replace("_", " ").capitalize(),
    }
    written = {path.format(package=package): render(template, **values) for path, template in TEMPLATES.items()}
    pyproject = added(render("new/pyproject.toml", **values), "apps", tables.app(layout, table.noun.plural))
    declaration = f"{layout.source}/migrations/{FILE}"
    entry = isolation.table_lines(table)
    written[declaration] = isolation.extended(written[declaration], f"{package}.{table.noun.plural}", entry)
    of_table = {
        # The number follows that of people and organizations, which is not written yet.
        path.replace("/0001_", "/0002_"): text
        for path, text in tables.files(layout, table).items()
    }
    return {"pyproject.toml": pyproject, **written, **of_table}
