"""A package with a schema of its own: the home of tables, routes, queues and schedules of one subject."""

from __future__ import annotations

from org_common.tools.scaffold.templates import render


def files(package: str) -> dict[str, str]:
    """The files of the package, by their paths."""
    title = package.replace("_", " ")
    values = {"schema": package, "title": title.capitalize()}
    source = f"src/{package}"
    return {
        f"{source}/migrations/0001_{package}.sql": render("module/schema.sql", schema=package, title=title),
        f"{source}/migrations/isolation.toml": render("module/isolation.toml", schema=package, title=title),
        f"{source}/__init__.py": render("new/package.py", **values),
        f"{source}/models/__init__.py": render("new/models.py"),
        f"{source}/queries/__init__.py": render("new/queries.py"),
    }
