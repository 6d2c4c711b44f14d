"""A queue with its route, table and handler, and a schedule that deletes old rows; with their tests."""

from __future__ import annotations

import re

from org_common.tools.scaffold.layout import Layout
from org_common.tools.scaffold.names import FILES, Noun, ScaffoldError, check
from org_common.tools.scaffold.table import app_name, demo_import
from org_common.tools.scaffold.templates import import_lines, render

EXPRESSION = re.compile(r"(cron|rate)\([A-Za-z0-9 ,*?/#-]+\)")


def queue_files(layout: Layout, noun: Noun) -> dict[str, str]:
    """The files of a queue whose messages become rows of a table of the same name, by their paths."""
    name, one = noun.plural, noun.class_name
    values = {
        "schema": layout.package,
        "people": layout.people,
        "table": name,
        "noun": noun,
        "title": noun.words.capitalize(),
        "path": name.replace("_", "-"),
        "queue": name.replace("_", "-"),
        "app_name": app_name(layout, name),
    }
    models, queries = f"{layout.package}.models.{name}", f"from {layout.package}.queries import {name} as queries"
    own = f"{import_lines((models, each) for each in (one, f'{one}Message', f'New{one}'))}\n{queries}"
    lines = [
        demo_import(layout),
        f"from {models} import {one}",
        queries,
        f"from {layout.package}.{name} import QUEUE, app",
    ]
    tests = "\n".join(sorted(lines, key=lambda line: line.split()[1]))
    return {
        layout.next_migration(name): render("queue/migration.sql", **values),
        f"{layout.source}/models/{name}.py": render("queue/models.py", **values),
        f"{layout.source}/queries/{name}.py": render("queue/queries.py", **values),
        f"{layout.source}/{name}.py": render("queue/routes.py", **values, own_imports=own),
        f"{layout.tests}/test_{name}.py": render("queue/test.py", **values, own_imports=tests),
    }


def schedule_files(layout: Layout, name: str, table: str, *, expression: str, days: int) -> dict[str, str]:
    """The files of a schedule that deletes the rows of `table` that are older than `days`, by their paths."""
    check(name, "the schedule", "purge_tickets")
    if name in FILES:
        raise ScaffoldError(f"the schedule cannot be called {name}: the package has a file of that name")
    if not EXPRESSION.fullmatch(expression):
        raise ScaffoldError(
            f"{expression!r} is not an expression of EventBridge. For example: cron(0 3 * * ? *), rate(1 day)"
        )
    if not layout.has_table(table):
        raise ScaffoldError(
            f"no migration of {layout.package} creates the table {layout.package}.{table}: correct the name, or choose"
            " another --module"
        )
    words = name.replace("_", " ")
    values = {
        "schema": layout.package,
        "package": layout.package,
        "table": table,
        "name": name,
        "words": words,
        "title": words.capitalize(),
        "days": days,
        "expression": expression,
        "app_name": app_name(layout, name),
    }
    lines = [demo_import(layout), f"from {layout.package}.{name} import app"]
    tests = "\n".join(sorted(lines, key=lambda line: line.split()[1]))
    return {
        layout.next_migration(name): render("schedule/migration.sql", **values),
        f"{layout.source}/queries/{name}.py": render("schedule/queries.py", **values),
        f"{layout.source}/{name}.py": render("schedule/routes.py", **values),
        f"{layout.tests}/test_{name}.py": render("schedule/test.py", **values, own_imports=tests),
    }
