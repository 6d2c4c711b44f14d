"""The project's own modules: those that its apps have loaded, with their syntax trees."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from org_common.tools.project.modules import INSTALLED, ORG_COMMON
from org_common.tools.project.project import Project

N = TypeVar("N", bound=ast.AST)
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """A module of the project and its syntax tree."""

    module: ModuleType
    file: str
    text: str
    tree: ast.Module


@dataclass(frozen=True, eq=False)
class Function:
    """A function or method, with the functions that are nested in it."""

    source: Source
    name: str
    """Its `__qualname__`."""
    node: FunctionNode

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """The nodes of its tree."""
        return [*ast.walk(self.node)]

    @property
    def key(self) -> tuple[str, str]:
        """Module and name."""
        return self.source.module.__name__, self.name

    @property
    def owner(self) -> str:
        """The class of a method; empty for a function."""
        return self.name.rpartition(".")[0]

    def nodes_of(self, kind: type[N]) -> list[N]:
        """The nodes of one type."""
        return [node for node in self.nodes if isinstance(node, kind)]

    def annotations(self) -> dict[str, ast.expr]:
        """The annotations of its parameters, by name."""
        arguments = self.node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        return {each.arg: each.annotation for each in every if each.annotation is not None}

    def parameters(self) -> set[str]:
        """The names of its parameters."""
        arguments = self.node.args
        every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
        return {each.arg for each in every if each is not None}


def load_sources(project: Project) -> list[Source]:
    """The modules of the project that are loaded, and those next to them in the packages of its apps.

    A module of a package that cannot be imported is left out: no app needs it.
    """
    for package in dict.fromkeys(app.partition(".")[0].partition(":")[0] for app in project.apps):
        for name in _modules(package):
            _import(name)
    found = {}
    for module in [*sys.modules.values()]:
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py") and _is_own(Path(file), project.root):
            found[file] = module
    return [_source(module, file) for file, module in sorted(found.items(), key=lambda each: each[1].__name__)]


def functions(sources: Sequence[Source]) -> Iterator[Function]:
    """The functions and methods of modules."""
    for source in sources:
        yield from _functions(source, source.tree.body, "")


def _functions(source: Source, body: Sequence[ast.stmt], prefix: str) -> Iterator[Function]:
    for node in body:
        if isinstance(node, FunctionNode):
            yield Function(source, prefix + node.name, node)
        elif isinstance(node, ast.ClassDef):
            yield from _functions(source, node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.If | ast.Try | ast.With):
            inner = [each for each in ast.iter_child_nodes(node) if isinstance(each, ast.stmt)]
            yield from _functions(source, inner, prefix)


def _modules(package: str) -> Iterator[str]:
    """The modules of a package that may hold statements."""
    file: Any = getattr(sys.modules.get(package), "__file__", None)
    if file is None or Path(file).name != "__init__.py":
        return
    folder = Path(file).parent
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        # Tests within the package run no statement of the project, and __main__ is a program.
        if not any(part.startswith("test") or part == "__main__" for part in parts):
            yield ".".join((package, *(part for part in parts if part != "__init__")))


def _import(name: str) -> None:
    try:
        import_module(name)
    except (Exception, SystemExit):  # noqa: BLE001 - code of the project that no app imports
        return


def _is_own(file: Path, root: Path) -> bool:
    parents = set(file.parents)
    return root in parents and ORG_COMMON not in parents and not INSTALLED & parents


def _source(module: ModuleType, file: str) -> Source:
    text = Path(file).read_text(encoding="utf-8")
    return Source(module, file, text, ast.parse(text, file))
