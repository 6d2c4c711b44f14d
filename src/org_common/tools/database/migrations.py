"""Reads and validates migration files: numbered, plain SQL, without transaction control statements.

The files of a package are in its folder `migrations`, those of org-common in `sql`.
"""

import hashlib
import importlib
import importlib.resources
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from itertools import pairwise
from pathlib import Path

from org_common.tools.database.statements import Statement, split
from org_common.tools.project.modules import error_message, source_location
from org_common.tools.project.project import ToolError

OWN_PACKAGE = "org_common"
FILE = re.compile(r"(?!0000)(\d{4})_([a-z0-9_]+)\.sql", re.ASCII)
EXAMPLE = "0001_create_orgs.sql"

CONTROL = {"begin", "start", "commit", "end", "abort", "rollback"}
# Word pairs of COPY. Its grammar accepts both words in both directions.
CLIENT_COPY = {(way, client) for way in ("from", "to") for client in ("stdin", "stdout")}
DUMP = "-- PostgreSQL database dump"
DUMP_ADVICE = (
    "To use a dump as a migration, make it with `pg_dump --schema=NAME --no-owner --no-privileges --inserts`, and"
    r" delete its two lines \restrict and \unrestrict"
)
COPY_PROBLEM = f"COPY exchanges rows with psql, which does not run migrations. Use INSERT. {DUMP_ADVICE}"


class SchemaError(ToolError):
    """A problem with migration files, the database or its rights. The message says what to do."""


class AddressError(SchemaError):
    """Connecting with a URL failed. The message omits the URL, which may hold a password."""


class HistoryError(SchemaError):
    """The migrations that are applied in a database differ from the files."""


@dataclass(frozen=True)
class Migration:
    """A migration file."""

    package: str
    number: int
    """From 1: the four digits that the file name starts with."""
    name: str
    """The file name between the number and `.sql`."""
    sql: str
    checksum: str
    """SHA-256 of the file in hex, with CRLF converted to LF."""

    @property
    def file(self) -> str:
        """The file name: "0001_create_orgs.sql"."""
        return f"{self.number:04}_{self.name}.sql"

    def __str__(self) -> str:
        return f"{self.file} of package {self.package}"


def load(packages: Sequence[str], *, root: Path | None = None) -> list[Migration]:
    """All migrations in the order of application: those of org-common first, then package by package.

    A package is an importable name ("shop.orders": its folder `migrations`), a folder ("shop/migrations": package shop)
    or both ("shop=db/migrations"). Folders are relative to `root`, by default the current folder. Raises `SchemaError`
    for the first file, folder or package that is not valid.
    """
    folders: dict[str, Traversable] = {}
    for package in dict.fromkeys((OWN_PACKAGE, *packages)):
        name, folder = _locate(package, root or Path())
        if name in folders:
            raise SchemaError(f"package {name} has two folders: give one of them another name, other={folder}")
        folders[name] = folder
    return [migration for name, folder in folders.items() for migration in read_folder(name, folder)]


def folder_of(package: str, root: Path) -> tuple[str, Path]:
    """The name of a package and its folder of migrations, as `load` finds them. The folder may be missing."""
    name, folder = _locate(package, root)
    return name, Path(str(folder))


def _locate(package: str, root: Path) -> tuple[str, Traversable]:
    name, _, path = package.rpartition("=")
    if name or "/" in package or os.sep in package:
        name = name or Path(path).parent.name
        # A package's name is the same on every machine, the folder of a checkout is not.
        if name in ("", ".."):
            raise SchemaError(f"{package}: cannot tell the package's name. Write it in front: shop={package}")
        return name, root / Path(path).expanduser()
    try:
        is_package = hasattr(importlib.import_module(package), "__path__")
    except Exception as error:
        if source_location(error):
            raise SchemaError(error_message(error, package)) from error
        raise SchemaError(
            f"package {package} cannot be imported ({error}): check the spelling and that it is installed."
            " For a folder that is not a Python package, write name=path/to/folder."
        ) from error
    if not is_package:
        raise SchemaError(f"{package} is a module, not a package: use the package that contains it")
    return package, importlib.resources.files(package) / ("sql" if package == OWN_PACKAGE else "migrations")


def read_folder(package: str, folder: Traversable) -> list[Migration]:
    """The migrations of one folder, numbered 0001, 0002, ... without a gap."""
    if not folder.is_dir():
        raise SchemaError(f"package {package} has no folder {folder}: create it, with a file such as {EXAMPLE}")
    files = [file for file in folder.iterdir() if re.match(r"(?i)[^.].*\.sql$", file.name)]
    if not files:
        raise SchemaError(
            f"{folder} has no migration of package {package}: add a file such as {EXAMPLE}, or include the .sql files"
            " in the build of the package"
        )
    migrations = [_read(package, file) for file in sorted(files, key=lambda file: file.name)]
    for number, migration in enumerate(migrations, 1):
        if migration.number != number:
            problem = "used twice" if migration.number < number else "missing"
            raise SchemaError(
                f"{folder}: number {min(number, migration.number):04} of package {package} is {problem}. Rename files"
                " that are not applied yet, so that the numbers run 0001, 0002, ..."
            )
    return migrations


def _read(package: str, file: Traversable) -> Migration:
    match = FILE.fullmatch(file.name)
    if not match:
        raise SchemaError(
            f"{file}: not a valid file name. Use four digits from 0001 on, then a name of a-z, 0-9 and _: {EXAMPLE}"
        )
    data = file.read_bytes().replace(b"\r\n", b"\n")
    if data.startswith(b"PGDMP"):
        raise SchemaError(f"{file}: a dump in the custom format of pg_dump, not SQL. {DUMP_ADVICE}")
    try:
        sql = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SchemaError(f"{file}, line {line}: not valid UTF-8. Save the file as UTF-8.") from error
    if "\0" in sql:
        raise SchemaError(f"{file}: contains a zero byte. Save the file as UTF-8 text.")
    for statement in split(sql):
        for position, problem in _problems(statement):
            raise SchemaError(f"{file}, line {line_and_column(sql, position)[0]}: {problem}")
    return Migration(package, int(match[1]), match[2], sql, hashlib.sha256(data).hexdigest())


def _problems(statement: Statement) -> Iterator[tuple[int, str]]:
    """What the migrator cannot run, each with its position in the file."""
    words = statement.outer
    first = "".join(words[:1])
    if (first in CONTROL and not _is_savepoint(words)) or words[:2] == ["prepare", "transaction"]:
        word = statement.tokens[0].text
        yield statement.start, f"{word}: each file already runs in its own transaction. Delete this statement"
    if first == "copy" and any(pair in CLIENT_COPY for pair in pairwise(words)):
        yield statement.start, COPY_PROBLEM
    for token in statement.tokens:
        if token.kind == "backslash":
            yield token.start, f"{token.text} is a command of psql, not SQL. Delete this line. {DUMP_ADVICE}"


def _is_savepoint(words: Sequence[str]) -> bool:
    """`rollback [work | transaction] to [savepoint] name` stays in the transaction."""
    return words[0] == "rollback" and "to" in words[1:3]


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """Line and column, both from 1, of a 0-based position in the text."""
    before = text[:position]
    return before.count("\n") + 1, position - before.rfind("\n")
