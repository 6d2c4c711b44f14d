"""The project's own modules: those that its apps have loaded, with their syntax trees."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TypeVar

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


def load_sources(
    project: Project, on_failure: Callable[[str, BaseException], None] = lambda name, error: None
) -> list[Source]:
    """The modules of the project that its apps have loaded, and those that these import later, in functions.

    No other module is imported: a script next to them may do its work at import. `on_failure` gets the name of a module
    whose import fails, and the error: a package that only one function needs may not be installed.
    """
    found: dict[str, Source] = {}
    tried: set[str] = set()
    while new := [each for each in _loaded(project.root) if each[1] not in found]:
        for module, file in new:
            found[file] = _source(module, file)
            for name in sorted({*_imported(found[file], project.root)} - tried):
                tried.add(name)
                try:
                    import_module(name)
                except (Exception, SystemExit) as error:  # noqa: BLE001 - a module of the project raises anything
                    on_failure(name, error)
    return sorted(found.values(), key=lambda source: source.module.__name__)


def _loaded(root: Path) -> list[tuple[ModuleType, str]]:
    """The project's own modules among those that are loaded, and their files."""
    modules = [(module, getattr(module, "__file__", None)) for module in [*sys.modules.values()]]
    return [
        (module, file)
        for module, file in modules
        if isinstance(file, str) and file.endswith(".py") and _is_own(Path(file), root)
    ]


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


def _imported(source: Source, root: Path) -> Iterator[str]:
    """The modules of the project that a module imports anywhere and that are not loaded yet."""
    package = source.module.__package__ or ""
    for node in ast.walk(source.tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.rsplit(".", node.level - 1)[0] if node.level else ""
            base = ".".join(filter(None, (above, node.module)))
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        yield from (name for name in names if name not in sys.modules and _exists(name, root))


def _exists(name: str, root: Path) -> bool:
    """Whether the project has a file for a module of this name."""
    paths = [folder.joinpath(*name.split(".")) for folder in (root / "src", root)]
    return any(path.with_suffix(".py").is_file() or (path / "__init__.py").is_file() for path in paths)


def _is_own(file: Path, root: Path) -> bool:
    parents = set(file.parents)
    return root in parents and ORG_COMMON not in parents and not INSTALLED & parents


def _source(module: ModuleType, file: str) -> Source:
    text = Path(file).read_text(encoding="utf-8")
    return Source(module, file, text, ast.parse(text, file))
