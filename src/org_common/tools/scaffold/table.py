"""A guarded table of an organization: migration, models, SQL, routes and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from org_common.tools.scaffold.fields import TEXT_LENGTH, Field
from org_common.tools.scaffold.layout import Layout
from org_common.tools.scaffold.names import Noun
from org_common.tools.scaffold.templates import import_lines, render

ROLES = ("org_user", "org_admin", "org_owner")
FIELDS = ("title:text", "body:text?")


@dataclass(frozen=True)
class Access:
    """The least role that may do something."""

    role: str
    """One of `ROLES`."""

    @property
    def who(self) -> str:
        """Who may: "members", "admins" or "owners"."""
        return {"org_user": "members", "org_admin": "admins", "org_owner": "owners"}[self.role]

    @property
    def argument(self) -> str:
        """The argument of `org_ids()` in the policy: empty for the default."""
        return "" if self.role == "org_user" else f"'{self.role}'"


@dataclass(frozen=True)
class Table:
    """A table to write."""

    noun: Noun
    fields: Sequence[Field]
    write: Access = Access("org_user")
    """Who may create and change rows."""
    remove: Access = Access("org_admin")
    """Who may delete rows."""

    @property
    def readers(self) -> str:
        """Who may do what, in a sentence."""
        if self.write == self.remove:
            also = "" if self.write.role == "org_user" else f", its {self.write.who} write and delete them"
            return f"Its members read{', write and delete' if not also else ''} them{also}."
        first = "Its members read and write them" if self.write.role == "org_user" else "Its members read them"
        writers = "" if self.write.role == "org_user" else f", its {self.write.who} write them"
        return f"{first}{writers}, its {self.remove.who} delete them."


def files(layout: Layout, table: Table) -> dict[str, str]:
    """The files of the table, by their paths."""
    name = table.noun.plural
    values = _values(layout, table)
    return {
        layout.next_migration(name): render("table/migration.sql", **values),
        f"{layout.source}/models/{name}.py": render("table/models.py", **values, imports=_model_imports(table)),
        f"{layout.source}/queries/{name}.py": render("table/queries.py", **values),
        f"{layout.source}/{name}.py": render("table/routes.py", **values, own_imports=_route_imports(layout, table)),
        f"{layout.tests}/test_{name}.py": render("table/test.py", **values, own_imports=_test_imports(layout, table)),
    }


def app(layout: Layout, name: str) -> str:
    """The app of a file of routes or triggers, as pyproject.toml lists it."""
    return f"{layout.package}.{name}:app"


def app_name(layout: Layout, name: str) -> str:
    """The name of an app, and of its function: "help-desk-tickets"."""
    return f"{layout.package}-{name}".replace("_", "-")


def demo_import(layout: Layout) -> str:
    """The import of the demo users in a test."""
    package, _, module = layout.demo.rpartition(".")
    return f"from {package} import {module}" if package else f"import {module}"


def _values(layout: Layout, table: Table) -> dict[str, Any]:
    noun, fields = table.noun, list(table.fields)
    return {
        "schema": layout.package,
        "people": layout.people,
        "table": noun.plural,
        "noun": noun,
        "title": noun.words.capitalize(),
        "path": noun.plural.replace("_", "-"),
        "app_name": app_name(layout, noun.plural),
        "fields": fields,
        # Required ones first, as readers expect it of parameters.
        "ordered": sorted(fields, key=lambda field: field.optional),
        "required": [field for field in fields if not field.optional],
        "columns": [field.name for field in fields],
        "has_text": any(field.type_name == "text" for field in fields),
        "text_length": TEXT_LENGTH,
        "write": table.write,
        "remove": table.remove,
        "readers": table.readers,
    }


def _model_imports(table: Table) -> str:
    standard = [("datetime", "datetime"), ("uuid", "UUID")]
    others = [("org_common", "Model"), ("org_common", "Patch")]
    for field in table.fields:
        for module, name in field.type.imports:
            (others if module == "pydantic" else standard).append((module, name))
    return f"{import_lines(standard)}\n\n{import_lines(others)}"


def _route_imports(layout: Layout, table: Table) -> str:
    noun, one = table.noun, table.noun.class_name
    models = f"{layout.package}.models.{noun.plural}"
    names = [one, f"New{one}", f"{one}Patch"]
    queries = f"from {layout.package}.queries import {noun.plural} as queries"
    return f"{import_lines((models, name) for name in names)}\n{queries}"


def _test_imports(layout: Layout, table: Table) -> str:
    noun, one = table.noun, table.noun.class_name
    lines = [
        demo_import(layout),
        import_lines((f"{layout.package}.models.{noun.plural}", name) for name in (one, f"New{one}")),
        f"from {layout.package}.queries import {noun.plural} as queries",
        f"from {layout.package}.{noun.plural} import app",
    ]
    return "\n".join(sorted(lines, key=lambda line: line.split()[1]))
