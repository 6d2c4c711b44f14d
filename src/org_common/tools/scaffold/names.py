"""Names of projects, tables and functions: validated, and turned into those of classes and packages."""

from __future__ import annotations

import keyword
import re
import sys
from dataclasses import dataclass

from org_common.tools.project.project import ToolError
from org_common.values.model import Model

NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
PROJECT = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
# With longer names, the generated lines would need other line breaks than `ruff format` makes.
MAX_LENGTH = 30
# Names of folders and files in a package that `org-common new` writes.
FILES = {"authorizer", "demo", "migrations", "models", "queries"}
# PostgreSQL 18, appendix C: reserved words, which need quotes as a name of a table or column.
_WORDS = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation column
concurrently constraint create cross current_catalog current_date current_role current_schema current_time
current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze from
full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
returning right select session_user similar some symmetric system_user table tablesample then to trailing true union
unique user using variadic verbose when where window with
"""
RESERVED = frozenset(_WORDS.split())
# Names of classes that the generated files import.
_IMPORTED = """
Annotated App AwareDatetime Client Database Decimal Forbidden Iterator LocalDatabase Model OrgCheck Page PageRequest
Patch Person Reader StringConstraints Transaction UUID
"""
CLASSES = frozenset(_IMPORTED.split())


class ScaffoldError(ToolError):
    """A name, field or path that cannot be used. The message says why, and has an example."""


@dataclass(frozen=True)
class Noun:
    """What a table holds, in the plural and in the singular."""

    plural: str
    """The name of the table, of its file and of its path: "tickets"."""
    singular: str
    """One row: "ticket"."""

    @classmethod
    def of(cls, table: str, singular: str | None = None) -> Noun:
        """The noun of this table; `singular` if the usual rules of English do not apply."""
        check(table, "the table", "tickets")
        if table in FILES:
            raise ScaffoldError(
                f"{table} is the name of a file or folder that each package has: choose another table name"
            )
        one = singular or singular_of(table)
        _check_form(one, "the singular", "ticket")
        noun = cls(table, one)
        if keyword.iskeyword(noun.class_name):
            raise ScaffoldError(f"the class of one of the {table} would be {noun.class_name}: name it with --singular")
        clash = sorted({noun.class_name, f"New{noun.class_name}", f"{noun.class_name}Patch"} & CLASSES)
        if clash:
            raise ScaffoldError(
                f"the class of one of the {table} would be {clash[0]}, which the file imports from elsewhere: choose"
                " another table name, or another --singular"
            )
        return noun

    @property
    def class_name(self) -> str:
        """The model of one row: "Ticket"."""
        return class_name(self.singular)

    @property
    def words(self) -> str:
        """The plural in words: "ticket notes"."""
        return self.plural.replace("_", " ")

    @property
    def one(self) -> str:
        """The singular in words: "ticket note"."""
        return self.singular.replace("_", " ")

    @property
    def article(self) -> str:
        """The article in front of `one`: "a" or "an"."""
        return "an" if self.singular[0] in "aeio" else "a"

    @property
    def id(self) -> str:
        """The path parameter: "ticket_id"."""
        return f"{self.singular}_id"


def check(name: str, what: str, example: str) -> None:
    """Raise `ScaffoldError` if `name` cannot be a name in SQL and in Python; `what` says what it names."""
    _check_form(name, what, example)
    if name in RESERVED:
        raise ScaffoldError(f"{what} cannot be called {name}: it is a reserved word of SQL. For example: {example}")
    if keyword.iskeyword(name):
        raise ScaffoldError(f"{what} cannot be called {name}: it is a keyword of Python. For example: {example}")


def _check_form(name: str, what: str, example: str) -> None:
    if not NAME.fullmatch(name):
        raise ScaffoldError(
            f"{what} cannot be called {name!r}: use a-z, 0-9 and single underscores, from a letter on. For example:"
            f" {example}"
        )
    if len(name) > MAX_LENGTH:
        raise ScaffoldError(f"{what} {name} has {len(name)} characters: use at most {MAX_LENGTH}")


def check_field(name: str) -> None:
    """Raise `ScaffoldError` if a field of a generated table cannot have this name."""
    check(name, "a field", "subject")
    if name in ("id", "org_id", "created_at", "created_by", "updated_at", "updated_by"):
        raise ScaffoldError(f"the field {name} is in each table already: leave it out")
    if name == "t":
        raise ScaffoldError(
            "a field cannot be called t: generated statements use t as the alias of the table. For example: t_text"
        )
    if hasattr(Model, name) or name.startswith("model_"):
        raise ScaffoldError(
            f"a field cannot be called {name}: each Model has such an attribute. For example: {name}_text"
        )


def package_of(project: str) -> str:
    """The Python package of a project: "help_desk" of "help-desk".

    Raises `ScaffoldError` for a name that cannot be one.
    """
    if not PROJECT.fullmatch(project):
        raise ScaffoldError(
            f"a project cannot be called {project!r}: use a-z, 0-9 and single hyphens, from a letter on. For example:"
            " help-desk"
        )
    package = project.replace("-", "_")
    check_package(package)
    return package


def check_package(package: str) -> None:
    """Raise `ScaffoldError` if a package and a schema cannot have this name."""
    check(package, "a package", "help_desk")
    if package in sys.stdlib_module_names or package in ("org_common", "test", "tests"):
        raise ScaffoldError(
            f"a package cannot be called {package}: Python has a module of that name. Choose another one"
        )
    if package in ("app", "auth", "public") or package.startswith("pg_"):
        raise ScaffoldError(f"a package cannot be called {package}: its schema is one that exists. Choose another name")


def class_name(name: str) -> str:
    """The name of a class: "TicketNote" of "ticket_note"."""
    return "".join(part.capitalize() for part in name.split("_"))


def singular_of(plural: str) -> str:
    """The singular by the usual rules of English; the same word where none applies."""
    if plural.endswith("ies") and len(plural) > len("ties"):
        return f"{plural[:-3]}y"
    if plural.endswith(("sses", "shes", "ches", "xes", "zes")):
        return plural[:-2]
    if plural.endswith("s") and not plural.endswith(("ss", "us", "is")):
        return plural[:-1]
    return plural
