"""Finds imports that fail in Lambda: of modules that are neither in the zip, nor in a layer, nor in the runtime."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path

from org_common.tools.layer import lock
from org_common.tools.layer.install import NOT_OURS
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.project.modules import reporting_errors
from org_common.tools.project.project import ToolError

# In /var/runtime of every Python runtime of Lambda: the SDK for Python, what it needs, and the runtime client.
# https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
RUNTIME = frozenset(
    {"awslambdaric", "boto3", "botocore", "dateutil", "jmespath", "s3transfer", "simplejson", "six", "urllib3"}
    | {"snapshot_restore_py"}
)
_OPTIONAL = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True)
class Missing:
    """An import that fails in Lambda."""

    importer: str
    """The module of the project."""
    module: str
    """The module that it imports."""
    file: Path
    line: int

    def __str__(self) -> str:
        if self.module.partition(".")[0] == "org_common":
            return (
                f"{self.importer} imports {self.module} (line {self.line}), which is for development: no layer has it"
            )
        return (
            f"{self.importer} imports {self.module} (line {self.line}), which no layer and no runtime has: add its"
            " package to [tool.org-common.layer.layers] and run `org-common layer lock`"
        )


def missing(settings: LayerSettings, sources: Mapping[str, Path], own: Collection[str] = ()) -> list[Missing]:
    """The failing imports of these modules of the project, each module once per importer.

    `own` are the packages in the function's own zip.

    Imports that are never run in Lambda, or that may fail, do not count: below `if TYPE_CHECKING`, and in a `try` that
    catches ImportError. Raises `ToolError` without the lock files of the layers.
    """
    locked = {*own, *(pin.name for layer in settings.layers for pin in lock.read(settings, layer))}
    ours = {name.partition(".")[0] for name in sources}
    packages = packages_distributions()
    found: dict[tuple[str, str], Missing] = {}
    for importer, file in sources.items():
        for module, line in imports(file):
            top = module.partition(".")[0]
            if top not in ours and not _is_provided(module, top, locked, packages):
                name = module if top == "org_common" else top
                found.setdefault((importer, name), Missing(importer, name, file, line))
    return sorted(found.values(), key=lambda each: (each.importer, each.line))


def missing_or_none(settings: LayerSettings, sources: Mapping[str, Path], app: str = "") -> list[Missing]:
    """The same for the modules of `app` with the packages in its zip, or nothing for a project without lock files."""
    try:
        own = [pin.name for pin in lock.read(settings, app)] if app in settings.requirements else []
        return missing(settings, sources, own)
    except ToolError:
        return []


def _is_provided(module: str, top: str, locked: Collection[str], packages: Mapping[str, Collection[str]]) -> bool:
    if top == "org_common":
        return module.split(".")[1:2] not in [[name] for name in NOT_OURS]
    if top in sys.stdlib_module_names or top in RUNTIME:
        return True
    return any(lock.normalize(name) in locked for name in (top, *packages.get(top, ())))


def imports(file: Path) -> Iterator[tuple[str, int]]:
    """The absolute imports of a file that must succeed, each with its line."""
    with reporting_errors(str(file)):
        tree = ast.parse(file.read_bytes(), str(file))
    yield from _imports(tree)


def _imports(node: ast.AST) -> Iterator[tuple[str, int]]:
    match node:
        case ast.Import():
            yield from ((alias.name, node.lineno) for alias in node.names)
        case ast.ImportFrom(level=0, module=str(module)):
            # `from org_common import testing` imports org_common.testing.
            names = [f".{alias.name}" for alias in node.names] if module == "org_common" else [""]
            yield from ((f"{module}{name}", node.lineno) for name in names)
        case ast.If() if _is_type_checking(node.test):
            yield from _all(node.orelse)
        case ast.Try() if any(map(_catches_import_error, node.handlers)):
            yield from _all([*node.handlers, *node.orelse, *node.finalbody])
        case _:
            yield from _all(ast.iter_child_nodes(node))


def _all(nodes: Iterator[ast.AST] | list[ast.AST] | list[ast.stmt]) -> Iterator[tuple[str, int]]:
    for node in nodes:
        yield from _imports(node)


def _is_type_checking(test: ast.expr) -> bool:
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(name is None or ast.unparse(name).rpartition(".")[2] in _OPTIONAL for name in caught)
