"""The declarations that `org-common db prove` reads: an entry in isolation.toml for each generated table."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from org_common.tools.prove.declaration import FILE
from org_common.tools.scaffold.names import ScaffoldError

if TYPE_CHECKING:
    from org_common.tools.scaffold.layout import Layout
    from org_common.tools.scaffold.table import Table

# The people of a generated project, with their roles, from the highest on.
PEOPLE = {"owner": "org_owner", "admin": "org_admin", "member": "org_user"}
RANKS = ("org_user", "org_admin", "org_owner")
# The proof gives each organization such a row, which is older than any schedule keeps one.
OLD_ROW = 'rows = [{ created_at = "1900-01-01" }]'


def table_lines(table: Table) -> list[str]:
    """The keys of a table that `org-common add table` writes."""
    columns = " ".join(field.name for field in table.fields)
    lines = [f'columns.authenticated.insert = "org_id {columns}"', f'columns.authenticated.update = "{columns}"']
    for person, role in PEOPLE.items():
        may = "select"
        if RANKS.index(role) >= RANKS.index(table.write.role):
            may += " insert update"
        if RANKS.index(role) >= RANKS.index(table.remove.role):
            may += " delete"
        lines.append(f'{person} = "{may}"')
    return lines


def queue_lines() -> list[str]:
    """The keys of the table behind a queue: each member adds rows, by sending a message."""
    return [
        'columns.authenticated.insert = "org_id text"',
        *(f'{person} = "select insert"' for person in PEOPLE),
    ]


def schedule_lines() -> list[str]:
    """The keys that a schedule adds to its table: it reaches the old row of each organization."""
    return [
        OLD_ROW,
        'columns.app_service.select = "org_id id created_at"',
        'app_service = "select:2 delete:2"',
    ]


def extended(text: str, table: str, lines: Sequence[str]) -> str:
    """The text of an isolation.toml with these keys in the entry of `table`, such as "help_desk.tickets".

    The entry is written if there is none. Text that has one of the keys stays as it is, because your entry is right.
    """
    schema, _, name = table.partition(".")
    entry = _parsed(text).get("tables", {}).get(schema, {}).get(name)
    header = f"[tables.{table}]"
    if entry is None:
        return "\n".join([*text.rstrip().splitlines(), "", header, *lines, ""])
    given = text.splitlines()
    if header not in given or not _is_free(entry, lines):
        return text
    end = given.index(header) + 1
    while end < len(given) and given[end].strip() and not given[end].startswith("["):
        end += 1
    return "\n".join([*given[:end], *lines, *given[end:], ""])


def add(layout: Layout, table: str, lines: Sequence[str]) -> str | None:
    """Extend the file of the layout's package, and return its path; None if it stays as it is, or is not there."""
    path = f"{layout.source}/migrations/{FILE}"
    file = layout.root / path
    if not file.is_file():
        return None
    before = file.read_text(encoding="utf-8")
    try:
        text = extended(before, f"{layout.package}.{table}", lines)
    except tomllib.TOMLDecodeError as error:
        raise ScaffoldError(f"{file}: {error}. Correct it, then add the entry of {layout.package}.{table}") from error
    if text == before:
        return None
    file.write_text(text, encoding="utf-8", newline="\n")
    return path


def _is_free(entry: Mapping[str, Any], lines: Sequence[str]) -> bool:
    new = _parsed("\n".join(lines))
    columns = {*entry.get("columns", {})} & {*new.get("columns", {})}
    return not columns and not ({*entry} & {*new} - {"columns"})


def _parsed(text: str) -> dict[str, Any]:
    return tomllib.loads(text)
