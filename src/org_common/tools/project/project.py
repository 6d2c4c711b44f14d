"""The `[tool.org-common]` table of a project's pyproject.toml, checked."""

import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

EXAMPLE = """\
[tool.org-common]
apps = ["shop.orders:app"]
migrations = ["shop", "billing=db/migrations"]"""

# `layer` and `imports` belong to their tools, which check them.
KEYS = ("apps", "migrations", "demo", "public", "layer", "imports")
ROUTE = re.compile(r"[A-Z]+ /\S*")
APP = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*")


class ToolError(Exception):
    """A fault the user can mend: the command line prints the message alone and exits with 1."""


class ProjectError(ToolError):
    """No project here, or a table that says what it cannot; names file, key and an example."""


@dataclass(frozen=True)
class Project:
    """`root` is the folder of the pyproject.toml; paths in `migrations` are relative to it."""

    root: Path
    apps: tuple[str, ...] = ()
    migrations: tuple[str, ...] = ()
    demo: str | None = None
    public: tuple[str, ...] = ()
    # Of the API, for its document.
    name: str = ""
    version: str = "0"

    @classmethod
    def find(cls, start: Path) -> Self:
        """The project of the nearest pyproject.toml in `start` or above it."""
        root = find_root(start)
        if root is None:
            raise ProjectError(
                f"no pyproject.toml in {start.absolute()} or above it: go to your project's folder,"
                f" or make one with\n{EXAMPLE}"
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
            demo=_demo(file, table),
            public=_public(file, table),
        )


def make_importable(project: Project) -> None:
    """The project's own packages can be imported: its folder and `src` go first on the path."""
    for folder in (project.root / "src", project.root):
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))


def make_current_project_importable() -> None:
    """What the project has can be imported, wherever its commands run."""
    make_importable(Project(find_root(Path()) or Path().absolute()))


def find_root(start: Path) -> Path | None:
    """Nearest folder with a pyproject.toml, `start` itself or one above it."""
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / "pyproject.toml").is_file():
            return folder
    return None


def _document(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:  # a UnicodeDecodeError is a ValueError too
        raise ProjectError(f"{file} cannot be read: {error}") from error


def _table(file: Path, document: Mapping[str, Any]) -> Mapping[str, Any]:
    tools = document.get("tool", {})
    if not isinstance(tools, dict) or "org-common" not in tools:
        raise ProjectError(f"{file} has no table [tool.org-common]. Add one, such as\n{EXAMPLE}")
    table = tools["org-common"]
    if not isinstance(table, dict):
        raise _error(file, "", f"is {_type_name(table)}, not a table", EXAMPLE)
    for key in table:
        if key not in KEYS:
            meant = get_close_matches(key, KEYS, 1)
            advice = f"did you mean {meant[0]}?" if meant else f"the keys are {', '.join(KEYS)}"
            raise _error(file, key, f"is not a key of org-common: {advice}", EXAMPLE)
    return table


def _apps(file: Path, table: Mapping[str, Any]) -> tuple[str, ...]:
    example = 'apps = ["shop.orders:app"]'
    apps = _strings(file, table, "apps", example)
    for app in apps:
        if not APP.fullmatch(app):
            raise _error(file, "apps", f"has {app!r}, which is not module:name", example)
    return apps


def _public(file: Path, table: Mapping[str, Any]) -> tuple[str, ...]:
    example = 'public = ["GET /health"]'
    public = _strings(file, table, "public", example)
    for route in public:
        if not ROUTE.fullmatch(route):
            raise _error(file, "public", f"has {route!r}, which is not METHOD /path", example)
    return public


def _demo(file: Path, table: Mapping[str, Any]) -> str | None:
    demo = table.get("demo")
    if demo is None or (isinstance(demo, str) and demo):
        return demo
    raise _error(file, "demo", f"is {_type_name(demo)}, not a text", 'demo = "shop.demo"')


def _strings(file: Path, table: Mapping[str, Any], key: str, example: str) -> tuple[str, ...]:
    texts = table.get(key, [])
    if not isinstance(texts, list):
        raise _error(file, key, f"is {_type_name(texts)}, not a list of texts", example)
    for text in texts:
        if not isinstance(text, str) or not text:
            raise _error(file, key, f"has {_type_name(text)} in it, where a text belongs", example)
    return tuple(texts)


def _type_name(value: object) -> str:
    """What a user calls a TOML value, without telling the value: it may be a secret."""
    names: dict[type, str] = {str: "a text", bool: "a boolean", int: "a number", float: "a number"}
    names |= {list: "a list", dict: "a table"}
    return "an empty text" if value == "" else names.get(type(value), type(value).__name__)


def _error(file: Path, key: str, problem: str, example: str) -> ProjectError:
    where = ".".join(filter(None, ("tool.org-common", key)))
    return ProjectError(f"{file}: {where} {problem}. For example:\n{example}")
