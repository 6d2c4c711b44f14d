"""What each module says about its tables: the files isolation.toml next to the migrations."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from org_common.tools.project.project import ToolError, key_advice

FILE = "isolation.toml"
SDK_FILE = "sdk.toml"
"""The declaration of org-common's own tables and functions."""
VERBS = ("select", "insert", "update", "delete")
CLAIMS = '{"sub": "{user}", "role": "{role}"}'

_TOP = (
    "tenants",
    "users",
    "schemas",
    "stamped",
    "settings",
    "people",
    "tables",
    "views",
    "functions",
    "sequences",
    "cases",
    "survivors",
)
_TABLE = ("tenant", "own", "values", "rows", "columns", "triggers", "reveals")
_PERSON = ("role", "signed_in", "member")
_FUNCTION = ("roles", "own", "foreign", "open", "args")
_WORDS = ("user", "tenant", "other", "role", "person", "null")
_CASE = ("on", "says", "by", "sql", "rows")
_SURVIVOR = ("on", "mutation", "why")


class DeclarationError(ToolError):
    """A declaration is missing or not valid. The message names the file and the key, and has an example."""


class Grant(NamedTuple):
    """One verb of a person on a table."""

    verb: str
    """"select", "insert", "update" or "delete"."""
    scope: str
    """"" for the rows of the person's tenant, "own" for those of the user, "all", or a number of rows."""


@dataclass(frozen=True)
class PersonEntry:
    """A kind of caller."""

    name: str
    """"owner"."""
    role: str = "authenticated"
    """Database role of the requests."""
    signed_in: bool = True
    """Whether the caller has a user."""
    member: bool = False
    """Whether each tenant has such a person, even without rows."""
    rows: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Rows that make the person what they are, by table: values by column."""


@dataclass(frozen=True)
class TableEntry:
    """What people may do with the rows of a table or a view."""

    can: Mapping[str, tuple[Grant, ...]]
    """The verbs by person, or by database role."""
    tenant: str | bool | None = None
    """Column with the tenant; None to follow foreign keys, False for a table that all tenants share."""
    own: str | None = None
    """Column with the user of a row; None to follow foreign keys."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values for generated rows, by column."""
    rows: tuple[Mapping[str, Any], ...] = ()
    """Values of further rows, which each tenant gets."""
    columns: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    """Columns that a role may select, insert or update, if it may not do so with all: by role and verb."""
    triggers: tuple[str, ...] = ()
    """Triggers that the table needs."""
    reveals: tuple[str, ...] = ()
    """Keys that may tell a tenant that another tenant's value exists."""

    def grant(self, verb: str, *names: str) -> Grant | None:
        """The verb of the first of these names that has it, such as a person's name and role; None without it."""
        return next((each for name in names for each in self.can.get(name, ()) if each.verb == verb), None)


@dataclass(frozen=True)
class FunctionEntry:
    """Who gets something from a function."""

    own: tuple[str, ...] = ()
    """People whose call with rows of their own tenant succeeds and returns something."""
    foreign: tuple[str, ...] = ()
    """The same for rows of another tenant."""
    roles: tuple[str, ...] = ()
    """Roles that may execute it, in addition to those of the people."""
    open: bool = False
    """Whether its result depends on the caller's own request: then `own` does not tell who gets something."""
    args: Mapping[str, Any] = field(default_factory=dict)
    """Values of parameters by name. A value that begins with "sql:" is an expression."""


@dataclass(frozen=True)
class Case:
    """A statement of one person, for what tables and functions cannot say."""

    on: str
    """The table or function that it is about."""
    says: str
    """What it asserts."""
    by: str
    """Name of the person, or a role."""
    sql: str
    """The statement, with {user}, {tenant}, {other} for the other tenant, and {table.column} for a value of a row."""
    rows: int
    """How many rows it reads or changes; 0 also if it is refused."""


@dataclass(frozen=True)
class Survivor:
    """A mutation that no cell can notice, and why that is right."""

    on: str
    """The table or function."""
    mutation: str
    """How the description of the mutation begins."""
    why: str
    """What else keeps the rows safe."""


@dataclass
class Declaration:
    """The declarations of all modules as one."""

    tenants: str = ""
    """Table with one row per tenant."""
    users: str = ""
    """Table with one row per user; "" without one."""
    schemas: tuple[str, ...] = ()
    """The schemas to prove; empty for all."""
    stamped: tuple[str, ...] = ()
    """Columns that the database sets, whatever a statement says."""
    settings: dict[str, str] = field(default_factory=dict)
    """Settings of a request: values with {user}, {tenant}, {role} and {person}."""
    people: dict[str, PersonEntry] = field(default_factory=dict)
    """The kinds of callers by name."""
    tables: dict[str, TableEntry] = field(default_factory=dict)
    """Tables and views by name."""
    functions: dict[str, FunctionEntry] = field(default_factory=dict)
    """Functions by name, or by name and types."""
    sequences: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Roles that may use a sequence, by its name."""
    cases: list[Case] = field(default_factory=list)
    """Further statements."""
    survivors: list[Survivor] = field(default_factory=list)
    """Mutations that are explained."""
    files: list[str] = field(default_factory=list)
    """The files it was read from."""

    def missing(self, what: str, name: str, example: str) -> DeclarationError:
        """The error about a table or function without an entry."""
        # Not org-common's own file, which you do not edit.
        files = ", ".join(file for file in self.files if Path(file).name != SDK_FILE) or f"a file {FILE}"
        return DeclarationError(f"{what} {name} has no entry in {files}: add one, such as\n{example}")


def read(files: Sequence[Path]) -> Declaration:
    """The declarations in these files as one. Raises `DeclarationError`."""
    merged = Declaration()
    for file in files:
        try:
            document = tomllib.loads(file.read_text("utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise DeclarationError(f"{file}: {error}") from error
        _merge(merged, _File(file), document)
        merged.files.append(str(file))
    if not merged.settings:
        merged.settings["request.jwt.claims"] = CLAIMS
    return merged


class _File(NamedTuple):
    """A file, for messages."""

    path: Path

    def error(self, key: str, problem: str, example: str) -> DeclarationError:
        return DeclarationError(f"{self.path}: {key}: {problem}. Example: {example}")

    def known(self, key: str, value: Mapping[str, Any], keys: Sequence[str]) -> None:
        for name in value:
            if name not in keys:
                raise DeclarationError(f"{self.path}: {key}{name} is not a valid key: {key_advice(name, keys)}")

    def entries(self, key: str, document: Mapping[str, Any], keys: Sequence[str]) -> Iterator[dict[str, Any]]:
        for value in document.get(key, []):
            self.known(f"{key}.", value, keys)
            if missing := [name for name in keys if name not in value]:
                raise self.error(key, f"an entry has no {missing[0]}", f'{missing[0]} = "…"')
            yield value

    def words(self, key: str, value: object) -> tuple[str, ...]:
        if isinstance(value, str):
            return tuple(value.split())
        if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        raise self.error(key, "expected names, separated by spaces", f'{key.rpartition(".")[2]} = "a b"')

    def table(self, key: str, value: object, example: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        raise self.error(key, "expected a table", example)


def _merge(merged: Declaration, file: _File, document: Mapping[str, Any]) -> None:
    file.known("", document, _TOP)
    merged.tenants = document.get("tenants", merged.tenants)
    merged.users = document.get("users", merged.users)
    merged.schemas += file.words("schemas", document.get("schemas", ""))
    merged.stamped += file.words("stamped", document.get("stamped", ""))
    merged.settings |= file.table("settings", document.get("settings", {}), '"app.tenant" = "{tenant}"')
    for name, value in document.get("people", {}).items():
        _merge_person(merged, file, name, value)
    for section in ("tables", "views"):
        for name, value in _qualified(file, section, document.get(section, {})):
            merged.tables[name] = _table(file, f"{section}.{name}", value, merged.tables.get(name, TableEntry({})))
    for name, value in document.get("functions", {}).items():
        merged.functions[name] = _function(file, f"functions.{name}", value)
    for name, value in document.get("sequences", {}).items():
        merged.sequences[name] = file.words(f"sequences.{name}", value)
    merged.cases += [Case(**value) for value in file.entries("cases", document, _CASE)]
    merged.survivors += [Survivor(**value) for value in file.entries("survivors", document, _SURVIVOR)]


def _merge_person(merged: Declaration, file: _File, name: str, value: object) -> None:
    """A module adds rows to the people of another one."""
    example = f'[people.{name}]\n"shop.members".role = "{name}"'
    given = file.table(f"people.{name}", value, example)
    if name in (*_TABLE, *_WORDS):
        raise file.error(f"people.{name}", "the name has another meaning in this file: choose another one", example)
    before = merged.people.get(name, PersonEntry(name))
    rows = {key: each for key, each in given.items() if key not in _PERSON}
    for key, each in rows.items():
        if "." not in key or not isinstance(each, dict):
            raise file.error(f"people.{name}.{key}", f"expected {', '.join(_PERSON)}, or a table and values", example)
    merged.people[name] = PersonEntry(
        name,
        given.get("role", before.role),
        given.get("signed_in", before.signed_in),
        given.get("member", before.member),
        {**before.rows, **rows},
    )


def _qualified(file: _File, section: str, value: object) -> Iterator[tuple[str, dict[str, Any]]]:
    example = f'[{section}.shop.orders]\nowner = "select insert update delete"'
    for schema, tables in file.table(section, value, example).items():
        for name, entry in file.table(f"{section}.{schema}", tables, example).items():
            yield f"{schema}.{name}", file.table(f"{section}.{schema}.{name}", entry, example)


def _table(file: _File, key: str, value: Mapping[str, Any], before: TableEntry) -> TableEntry:
    """The entry, with what another module's file says about the table."""
    columns = {
        role: {verb: file.words(f"{key}.columns.{role}.{verb}", names) for verb, names in verbs.items()}
        for role, verbs in value.get("columns", {}).items()
    }
    return TableEntry(
        can={**before.can, **{n: _grants(file, f"{key}.{n}", each) for n, each in value.items() if n not in _TABLE}},
        tenant=value.get("tenant", before.tenant),
        own=value.get("own", before.own),
        values={**before.values, **value.get("values", {})},
        rows=(*before.rows, *value.get("rows", ())),
        columns={**before.columns, **columns},
        triggers=(*before.triggers, *file.words(f"{key}.triggers", value.get("triggers", ""))),
        reveals=(*before.reveals, *file.words(f"{key}.reveals", value.get("reveals", ""))),
    )


def _grants(file: _File, key: str, value: object) -> tuple[Grant, ...]:
    grants = []
    for word in file.words(key, value):
        verb, _, scope = word.partition(":")
        if verb not in VERBS or not (scope in ("", "own", "all") or scope.isdigit()):
            problem = f'"{word}" is not a verb with a scope'
            raise file.error(key, problem, '"select update:own" (scopes: own, all, or a number of rows)')
        grants.append(Grant(verb, scope))
    return tuple(grants)


def _function(file: _File, key: str, value: object) -> FunctionEntry:
    if isinstance(value, str):
        return FunctionEntry(own=tuple(value.split()))
    given = file.table(key, value, f'"{key.partition(".")[2]}" = {{ own = "owner", args = {{ name = "x" }} }}')
    file.known(f"{key}.", given, _FUNCTION)
    words = {name: file.words(f"{key}.{name}", given.get(name, "")) for name in ("own", "foreign", "roles")}
    return FunctionEntry(**words, open=bool(given.get("open")), args=given.get("args", {}))
