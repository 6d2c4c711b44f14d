"""Reads and validates the `[tool.org-common]` table of a project's pyproject.toml."""

import re
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

EXAMPLE = """\
[tool.org-common]
apps = ["shop.orders:app"]
migrations = ["shop", "billing=db/migrations"]"""

# The tools for `layer`, `imports` and `functions` validate those keys.
KEYS = ("apps", "migrations", "extensions", "demo", "public", "layer", "imports", "functions")
ROUTE = re.compile(r"[A-Z]+ /\S*")
EXTENSION = re.compile(r"[a-z_][a-z0-9_-]*")
APP = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*")


class ToolError(Exception):
    """An error that the user can fix. The command line prints the message without a traceback and exits with 1."""


class ProjectError(ToolError):
    """There is no project, or its table is not valid. The message names the file and the key, and has an example."""


@dataclass(frozen=True)
class Project:
    """A project that uses org-common, as its pyproject.toml describes it."""

    root: Path
    """Folder of the pyproject.toml."""
    apps: tuple[str, ...] = ()
    """The apps, each as "module:name"."""
    migrations: tuple[str, ...] = ()
    """Packages with SQL migrations, in the order of application: "shop", or "name=folder" relative to `root`."""
    extensions: tuple[str, ...] = ()
    """PostgreSQL extensions that the migrations need: "vector"."""
    demo: str | None = None
    """Module with demo data for the local server."""
    public: tuple[str, ...] = ()
    """Routes that are public on purpose, each as "METHOD /path"."""
    name: str = ""
    """`name` of the table `[project]`, or of the folder: the default title of the OpenAPI document."""
    version: str = "0"
    """`version` of the table `[project]`: the default version of the OpenAPI document."""

    @classmethod
    def find(cls, start: Path) -> Self:
        """The project of the nearest pyproject.toml in `start` or a folder above it; `ProjectError` without one."""
        root = find_root(start)
        if root is None:
            raise ProjectError(
                f"no pyproject.toml in {start.absolute()} or above it: change to your project's folder,"
                f" or create the file with\n{EXAMPLE}"
            )
        file = root / "pyproject.toml"
        document = _document(file)
        table = _table(file, document)
        distribution = document.get("project", {})
        return cls(
            root=root,
            name=str(distribution.get("name", root.name)),
            version=str(distribution.get("version", "0")),
            apps=_apps(file, table),
            migrations=_strings(file, table, "migrations", 'migrations = ["shop"]'),
            extensions=_extensions(file, table),
            demo=_demo(file, table),
            public=_public(file, table),
        )


def make_importable(project: Project) -> None:
    """Make the project's packages importable: put its folder and `src` first on `sys.path`."""
    for folder in (project.root / "src", project.root):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def make_current_project_importable() -> None:
    """Make the packages of the project around the current folder importable, or those of the folder itself."""
    make_importable(Project(find_root(Path()) or Path().absolute()))


def find_root(start: Path) -> Path | None:
    """The nearest folder with a pyproject.toml, `start` itself or one above it; None without one."""
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file():
            return folder
    return None


def _document(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"{file} is not valid TOML: {error}. Correct it there. For example:\n{EXAMPLE}") from error
    except (ValueError, OSError) as error:  # a UnicodeDecodeError is a ValueError too
        raise ProjectError(f"{file} cannot be read: {error}") from error


def _table(file: Path, document: Mapping[str, Any]) -> Mapping[str, Any]:
    tools = document.get("tool", {})
    if not isinstance(tools, dict) or "org-common" not in tools:
        raise ProjectError(
            f"{file} has no table [tool.org-common]: run this in the folder of your project (`pytest FOLDER` finds the"
            f" project of the tests in it), or add the table, for example:\n{EXAMPLE}"
        )
    table = tools["org-common"]
    if not isinstance(table, dict):
        raise _error(file, "", f"must be a table, not {_type_name(table)}", EXAMPLE)
    for key in table:
        if key not in KEYS:
            raise _error(file, key, f"is not a valid key: {key_advice(key, KEYS)}", EXAMPLE)
    return table


def sentence(text: str) -> str:
    """The text with a period, unless it is a question."""
    return text if text.endswith("?") else f"{text}."


def key_advice(key: str, keys: Sequence[str]) -> str:
    """The key that a misspelt one means, or all of them."""
    meant = get_close_matches(key, keys, 1)
    return f"did you mean {meant[0]}?" if meant else f"valid keys are {', '.join(keys)}"


def _apps(file: Path, table: Mapping[str, Any]) -> tuple[str, ...]:
    example = 'apps = ["shop.orders:app"]'
    apps = _strings(file, table, "apps", example)
    for app in apps:
        if not APP.fullmatch(app):
            raise _error(file, "apps", f"contains {app!r}, which is not of the form module:name", example)
    return apps


def _public(file: Path, table: Mapping[str, Any]) -> tuple[str, ...]:
    example = 'public = ["GET /health"]'
    public = _strings(file, table, "public", example)
    for route in public:
        if not ROUTE.fullmatch(route):
            raise _error(file, "public", f"contains {route!r}, which is not of the form METHOD /path", example)
    return public


def _extensions(file: Path, table: Mapping[str, Any]) -> tuple[str, ...]:
    example = 'extensions = ["vector"]'
    extensions = _strings(file, table, "extensions", example)
    for name in extensions:
        if not EXTENSION.fullmatch(name):
            raise _error(file, "extensions", f"contains {name!r}, which is not the name of an extension", example)
    return extensions


def _demo(file: Path, table: Mapping[str, Any]) -> str | None:
    demo = table.get("demo")
    if demo is None or (isinstance(demo, str) and demo):
        return demo
    raise _error(file, "demo", f"must be a string, not {_type_name(demo)}", 'demo = "shop.demo"')


def _strings(file: Path, table: Mapping[str, Any], key: str, example: str) -> tuple[str, ...]:
    values = table.get(key, [])
    if not isinstance(values, list):
        raise _error(file, key, f"must be a list of strings, not {_type_name(values)}", example)
    for value in values:
        if not isinstance(value, str) or not value:
            raise _error(file, key, f"must be a list of strings, but contains {_type_name(value)}", example)
    return tuple(values)


def _type_name(value: object) -> str:
    """The TOML type of a value, in words. The value itself may be a secret and is never printed."""
    names: dict[type, str] = {str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    names |= {list: "a list", dict: "a table"}
    return "an empty string" if value == "" else names.get(type(value), type(value).__name__)


def _error(file: Path, key: str, problem: str, example: str) -> ProjectError:
    where = ".".join(filter(None, ("tool.org-common", key)))
    return ProjectError(f"{file}: {where} {sentence(problem)} For example:\n{example}")
