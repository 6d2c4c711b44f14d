"""Checks import gates, the modules that a module must not load, in fresh processes. Reports the chain of imports.

[tool.org-common.imports]
"*" = ["boto3", "email"]                 # each app of the project
"shop.prices" = ["psycopg", "pydantic"]
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from org_common.tools.project.project import Project, ProjectError, ToolError

APPS = "*"

# Records the first importer of each module: Python asks a finder for every module that is not loaded yet, and the
# importer is the first frame on the stack outside of the import machinery. Prints the chains of forbidden modules. The
# script itself imports only `sys`, because the importers of modules that it loads would not be recorded.
WATCH = """\
import sys
asked = {}
class Watch:
    @staticmethod
    def find_spec(name, path=None, target=None):
        frame = sys._getframe(1)
        while frame is not None and frame.f_globals.get("__name__", "").startswith(("importlib", "_frozen_importlib")):
            frame = frame.f_back
        asked.setdefault(name, frame.f_globals.get("__name__", "") if frame else "")
        return None
_, module, source, root, *forbidden = sys.argv
before = set(sys.modules)
sys.path[:0] = source, root
sys.meta_path.insert(0, Watch)
try:
    __import__(module)
except (Exception, SystemExit) as error:
    from org_common.tools.project.modules import error_message
    sys.exit(error_message(error, module + " cannot be loaded"))
loaded = set(sys.modules) - before
def chain(name):
    found = [name]
    while asked.get(found[-1]) not in (None, "", "__main__", *found):
        found.append(asked[found[-1]])
    return found[::-1]
print({name: chain(name) for name in forbidden if name in loaded})
"""


@dataclass(frozen=True)
class Breach:
    """A module that loads a forbidden module."""

    module: str
    forbidden: str
    chain: tuple[str, ...]
    """The imports from the module to the forbidden one."""

    def __str__(self) -> str:
        return (
            f"{self.module} must not load {self.forbidden}, but does: {' → '.join(self.chain)}."
            f" Import it inside the function that needs it, or remove it from [tool.org-common.imports]"
        )


def gates(project: Project) -> dict[str, tuple[str, ...]]:
    """The forbidden modules for each app's module and each module with a gate. The gate "*" applies to every app."""
    file = project.root / "pyproject.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8"))["tool"]["org-common"].get("imports", {})
    checked = {name: _names(project, name, value) for name, value in _table(project, table).items()}
    for_apps = checked.pop(APPS, ())
    gates = {app.partition(":")[0]: for_apps for app in project.apps}
    for name, forbidden in checked.items():
        gates[name] = tuple(dict.fromkeys([*gates.get(name, ()), *forbidden]))
    return gates


def check(project: Project) -> list[Breach]:
    """Import each module of `gates` in a process of its own, and return the violations."""
    return [breach for module, forbidden in gates(project).items() for breach in look(project, module, forbidden)]


def look(project: Project, module: str, forbidden: Sequence[str]) -> list[Breach]:
    """The violations of one module; `ToolError` if it cannot be imported."""
    result = subprocess.run(
        [sys.executable, "-c", WATCH, module, str(project.root / "src"), str(project.root), *forbidden],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("COV")},
        check=False,
    )
    if result.returncode:
        raise ToolError(result.stderr.strip())
    chains: dict[str, list[str]] = ast.literal_eval(result.stdout.splitlines()[-1])
    return [Breach(module, name, tuple(chain)) for name, chain in chains.items()]


def _table(project: Project, table: Any) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise _error(project, "", "must be a table")
    return table


def _names(project: Project, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise _error(project, f'."{key}"', "must be a list of modules")
    return tuple(value)


def _error(project: Project, key: str, problem: str) -> ProjectError:
    return ProjectError(
        f"{project.root / 'pyproject.toml'}: tool.org-common.imports{key} {problem}. For example:\n"
        '[tool.org-common.imports]\n"*" = ["boto3", "email"]\n"shop.prices" = ["psycopg"]'
    )
