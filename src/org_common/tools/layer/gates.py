"""Import gates: what a module may not load, looked at in a fresh process, with the chain that loaded it.

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

# Who was the first to ask for a module: a finder is asked for each that is not there yet, and what asked it stands on
# the stack above the import machinery. Only the chains of what is forbidden are printed. What this loads itself, nobody
# is seen to load: it takes `sys` alone.
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
    """`chain` begins with the module and ends with what it may not load, each imported by the one before."""

    module: str
    forbidden: str
    chain: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.module} may not load {self.forbidden}, and does: {' → '.join(self.chain)}."
            f" Import it within the function that needs it, or take it out of [tool.org-common.imports]"
        )


def gates(project: Project) -> dict[str, tuple[str, ...]]:
    """Each app's module, each module with a gate, and what it may not load; that of "*" is every app's."""
    file = project.root / "pyproject.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8"))["tool"]["org-common"].get("imports", {})
    checked = {name: _names(project, name, value) for name, value in _table(project, table).items()}
    everywhere = checked.pop(APPS, ())
    found = {app.partition(":")[0]: everywhere for app in project.apps}
    for name, forbidden in checked.items():
        found[name] = tuple(dict.fromkeys([*found.get(name, ()), *forbidden]))
    return found


def check(project: Project) -> list[Breach]:
    """Import each of them in a process of its own, and tell what it loaded that it may not."""
    return [breach for module, forbidden in gates(project).items() for breach in look(project, module, forbidden)]


def look(project: Project, module: str, forbidden: Sequence[str]) -> list[Breach]:
    """One module's breaches."""
    done = subprocess.run(
        [sys.executable, "-c", WATCH, module, str(project.root / "src"), str(project.root), *forbidden],
        capture_output=True,
        text=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("COV")},
        check=False,
    )
    if done.returncode:
        raise ToolError(done.stderr.strip())
    chains: dict[str, list[str]] = ast.literal_eval(done.stdout.splitlines()[-1])
    return [Breach(module, name, tuple(chain)) for name, chain in chains.items()]


def _table(project: Project, table: Any) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise _fault(project, "", "is no table")
    return table


def _names(project: Project, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise _fault(project, f'."{key}"', "is not a list of modules")
    return tuple(value)


def _fault(project: Project, key: str, problem: str) -> ProjectError:
    return ProjectError(
        f"{project.root / 'pyproject.toml'}: tool.org-common.imports{key} {problem}. For example:\n"
        '[tool.org-common.imports]\n"*" = ["boto3", "email"]\n"shop.prices" = ["psycopg"]'
    )
