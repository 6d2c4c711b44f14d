"""The files of migrations, read and checked: numbered, plain SQL, none of which ends its transaction.

A package's files lie in its folder `migrations`, ours in `sql`.
"""

import hashlib
import importlib
import importlib.resources
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from org_common.tools.project.modules import error_message, source_location
from org_common.tools.project.project import ToolError

OWN_PACKAGE = "org_common"
FILE = re.compile(r"(?!0000)(\d{4})_([a-z0-9_]+)\.sql", re.ASCII)
EXAMPLE = "0001_create_orgs.sql"

TOKEN = re.compile(
    r"""(?P<blank>--[^\n]*|/\*(?>/\*.*?(?:\*/|\Z)|.)*?(?:\*/|\Z))
    | [eE]'(?:[^'\\]|\\.|'')*' | '[^']*' | "[^"]*"
    | \w[\w$]* | (?P<tag>\$(?:[^\W\d]\w*)?\$).*?(?P=tag) | ;""",
    re.VERBOSE | re.DOTALL,
)
CONTROL = {"begin", "start", "commit", "end", "abort", "rollback"}


class SchemaError(ToolError):
    """Files, database or rights are not as they must be; the message says what to do."""


class AddressError(SchemaError):
    """Nobody can connect by this URL. The message does not tell it: it may hold a password."""


class HistoryError(SchemaError):
    """What is applied in a database is not what the files say."""


@dataclass(frozen=True)
class Migration:
    """One file; `checksum` is the SHA-256 of its bytes with CRLF as LF, in hex."""

    package: str
    number: int
    name: str
    sql: str
    checksum: str

    @property
    def file(self) -> str:
        return f"{self.number:04}_{self.name}.sql"

    def __str__(self) -> str:
        return f"{self.file} of package {self.package}"


def load(packages: Sequence[str], *, root: Path | None = None) -> list[Migration]:
    """All migrations in the order of their application: ours first, then package by package.

    A package is an importable name ("shop.orders": its folder `migrations`), a folder
    ("shop/migrations": package shop) or both ("shop=db/migrations"). Folders are relative to
    `root`, by default the current one.
    """
    folders: dict[str, Traversable] = {}
    for package in dict.fromkeys((OWN_PACKAGE, *packages)):
        name, folder = _locate(package, root or Path())
        if name in folders:
            raise SchemaError(f"two folders for package {name}: give one a name, other={folder}")
        folders[name] = folder
    return [each for name, folder in folders.items() for each in read_folder(name, folder)]


def _locate(package: str, root: Path) -> tuple[str, Traversable]:
    name, _, path = package.rpartition("=")
    if name or "/" in package or os.sep in package:
        name = name or Path(path).parent.name
        # The folder a project is checked out in is not the same everywhere, a package's name is.
        if name in ("", ".."):
            raise SchemaError(f"{package}: which package? Write its name in front: shop={package}")
        return name, root / Path(path).expanduser()
    try:
        is_package = hasattr(importlib.import_module(package), "__path__")
    except Exception as error:
        if source_location(error):
            raise SchemaError(error_message(error, package)) from error
        raise SchemaError(
            f"package {package} cannot be imported ({error}): is it spelt right and installed?"
            f" A folder of SQL that is no package is written name=path/to/folder."
        ) from error
    if not is_package:
        raise SchemaError(f"{package} is a module, not a package: name the package around it")
    return package, importlib.resources.files(package) / ("sql" if package == OWN_PACKAGE else "migrations")


def read_folder(package: str, folder: Traversable) -> list[Migration]:
    """The migrations of one folder, which are 0001, 0002 and so on without a gap."""
    if not folder.is_dir():
        raise SchemaError(f"package {package} has no folder {folder}: make it, with {EXAMPLE}")
    files = [file for file in folder.iterdir() if re.match(r"(?i)[^.].*\.sql$", file.name)]
    if not files:
        raise SchemaError(
            f"{folder} has no migration of package {package}: add {EXAMPLE}, or see that the build"
            " of the package takes its .sql files along"
        )
    found = [_read(package, file) for file in sorted(files, key=lambda file: file.name)]
    for number, migration in enumerate(found, 1):
        if migration.number != number:
            fault = "there twice" if migration.number < number else "missing"
            raise SchemaError(
                f"{folder}: number {min(number, migration.number):04} of package {package} is {fault}:"
                " files not yet applied may be renamed, so that the numbers run 0001, 0002, ..."
            )
    return found


def _read(package: str, file: Traversable) -> Migration:
    named = FILE.fullmatch(file.name)
    if not named:
        raise SchemaError(
            f"{file}: not the name of a migration. Four digits from 0001 on, then a name of a-z, 0-9 and _: {EXAMPLE}"
        )
    data = file.read_bytes().replace(b"\r\n", b"\n")
    try:
        sql = data.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise SchemaError(f"{file}, line {line}: not UTF-8. Save it as UTF-8.") from error
    if "\0" in sql:
        raise SchemaError(f"{file}: has a zero byte. Save it as UTF-8 text.")
    if word := _find_transaction_control(sql):
        raise SchemaError(
            f"{file}, line {line_and_column(sql, word.start())[0]}: {_transaction_control_error(word[0])}"
        )
    return Migration(package, int(named[1]), named[2], sql, hashlib.sha256(data).hexdigest())


def _find_transaction_control(sql: str) -> re.Match[str] | None:
    """First word of the first statement that would end the file's transaction."""
    begins, depth, before = True, 0, ""
    for token in TOKEN.finditer(sql):
        text = token[0].lower()
        if token["blank"]:
            continue
        if begins and text in CONTROL:
            return token
        # The body of a function may be `begin atomic …; case … end; end`, with no quotes around.
        if depth or (before, text) == ("begin", "atomic"):
            depth += (text in ("atomic", "case")) - (text == "end")
        begins, before = text == ";" and not depth, text
    return None


def _transaction_control_error(word: str) -> str:
    return f"{word}: every file is one transaction already, begun and ended for it. Delete the line"


def line_and_column(text: str, position: int) -> tuple[int, int]:
    """Line and column, from 1, of a position counted from 0."""
    before = text[:position]
    return before.count("\n") + 1, position - before.rfind("\n")
