"""How many small errors in a source file its tests notice: `python -m tests.mutation src/org_common/auth/claims.py`.

Each mutant is one change: a comparison or condition reversed, `and` for `or`, a number that is one larger, a result
that is None or the other boolean, a call or `raise` left out. It runs the tests of the file, test_<name>*.py in its
mirror and those given with `--tests`, in a forked process that imports the mutant instead of the source. A mutant that
no test notices survives and is printed: either a test is missing, or the change makes no difference to a caller.

`python -m tests.mutation --critical` does so for each security-critical file, and records its score and survivors in
mutation_scores.json, where you explain each survivor. `--table` prints the scores as docs/operations/reliability.md
shows them.
"""

from __future__ import annotations

import argparse
import ast
import copy
import gc
import importlib.abc
import importlib.util
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

import pytest

from tests.mutation_scores import Survivor, critical_files, record, table, tests_in_addition

ROOT = Path(__file__).parents[1]
# A mutant that loops for ever counts as noticed.
TIMEOUT_S = 120
# Of others, plugins of pytest among them. None of them may import org_common.
SLOW_IMPORTS = (
    *("anyio.pytest_plugin", "hypothesis", "schemathesis.pytest.plugin"),
    *("cryptography.hazmat.primitives.asymmetric.rsa", "jwt", "orjson", "psycopg", "pydantic"),
)
OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


# The server that the tests of all mutants use: to start one takes longer than most tests. It ends with its input.
SERVER = """
import sys
from org_common.tools.database.postgres import EmbeddedPostgres
with EmbeddedPostgres.start(durable=False) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


class Mutant(NamedTuple):
    """The source with one change."""

    line: int
    place: str
    """The function or class that the change is in."""
    change: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Each mutant of a source."""
    tree = ast.parse(source)
    places = _places(tree)
    for at, node in enumerate(ast.walk(tree)):
        for number, (said, _) in enumerate(_changes(node)):
            tree_of_mutant = copy.deepcopy(tree)
            changed = next(each for index, each in enumerate(ast.walk(tree_of_mutant)) if index == at)
            _changes(changed)[number][1]()
            line = getattr(node, "lineno", 0)
            yield Mutant(line, places.get(node, "module"), said, ast.fix_missing_locations(tree_of_mutant))


def _places(tree: ast.Module) -> dict[ast.AST, str]:
    """The names of the functions and classes around each node."""
    found: dict[ast.AST, str] = {}

    def visit(node: ast.AST, name: str) -> None:
        for child in ast.iter_child_nodes(node):
            inner = name
            if isinstance(child, ast.FunctionDef | ast.ClassDef):
                inner = f"{name}.{child.name}".lstrip(".")
            found[child] = inner or "module"
            visit(child, inner)

    visit(tree, "")
    return found


def _changes(node: ast.AST) -> list[tuple[str, _Change]]:
    found: list[tuple[str, _Change]] = []
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OPPOSITE:
        other = OPPOSITE[type(node.ops[0])]
        found.append((f"{ast.unparse(node)}: {other.__name__}", _Change(node, "ops", [other(), *node.ops[1:]])))
    elif isinstance(node, ast.BoolOp):
        swapped = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        found.append((f"{ast.unparse(node)}: {type(swapped).__name__}", _Change(node, "op", swapped)))
    elif isinstance(node, ast.If | ast.IfExp | ast.While) and "TYPE_CHECKING" not in ast.unparse(node.test):
        negated = ast.UnaryOp(ast.Not(), node.test)
        found.append((f"if not ({ast.unparse(node.test)})", _Change(node, "test", negated)))
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        found.append((f"{node.value} + 1", _Change(node, "value", node.value + 1)))
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, bool):
        other_value = not node.value.value
        found.append((f"return {other_value}, not {node.value.value}", _Change(node.value, "value", other_value)))
    elif isinstance(node, ast.Return) and node.value is not None and ast.unparse(node.value) != "None":
        found.append((f"return None, not {ast.unparse(node.value)}", _Change(node, "value", ast.Constant(None))))
    for name in ("body", "orelse", "finalbody"):
        statements = getattr(node, name, None)
        for index, each in enumerate(statements if isinstance(statements, list) else ()):
            assert isinstance(statements, list)
            is_call = isinstance(each, ast.Expr) and isinstance(each.value, ast.Call)
            if (is_call and "logger." not in ast.unparse(each)) or isinstance(each, ast.Raise):
                rest = [*statements[:index], ast.Pass(), *statements[index + 1 :]]
                found.append((f"without {ast.unparse(each)}", _Change(node, name, rest)))
    return found


class _Change:
    """Sets a field of a node when it is called."""

    def __init__(self, node: ast.AST, field: str, value: object) -> None:
        self._node, self._field, self._value = node, field, value

    def __call__(self) -> None:
        setattr(self._node, self._field, self._value)


class _Import(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """A plugin of pytest that imports the mutant instead of the module."""

    def __init__(self, module: str, path: Path, code: CodeType) -> None:
        self._module, self._path, self._code = module, path, code
        self.was_imported = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self) -> None:
        # Before a conftest imports the module, and after pytest has put its own importer first: that one rewrites
        # packages that have a plugin.
        sys.meta_path.insert(0, self)

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        if fullname != self._module:
            return None
        return importlib.util.spec_from_file_location(fullname, self._path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        self.was_imported = True
        exec(self._code, module.__dict__)


def is_noticed(module: str, path: Path, tree: ast.Module, tests: Sequence[str]) -> bool:
    """True when a test fails, or does not end."""
    child = os.fork()
    if child == 0:
        signal.alarm(TIMEOUT_S)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(1, 2)
        mutant = _Import(module, path, compile(tree, str(path), "exec"))
        options = ["-x", "-q", "-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = 1
        try:
            code = int(pytest.main([*options, *tests], plugins=[mutant])) or (0 if mutant.was_imported else 1)
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] != 0


def tests_of(path: Path) -> list[str]:
    mirror = ROOT / "tests" / path.relative_to(ROOT / "src").parent
    return sorted(str(each) for each in mirror.glob(f"test_{path.stem}*.py"))


@contextmanager
def server() -> Iterator[None]:
    """A PostgreSQL for all tests, unless DATABASE_URL names one."""
    if "DATABASE_URL" in os.environ:
        yield
        return
    with subprocess.Popen([sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        os.environ["DATABASE_URL"] = process.stdout.readline().decode().strip()
        try:
            yield
        finally:
            del os.environ["DATABASE_URL"]
            # Closes its input.
            process.communicate()


def survivors(path: Path, chosen: Sequence[Mutant], tests: Sequence[str]) -> list[Mutant]:
    """The mutants that no test notices, printed as they are found."""
    module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    source = path.relative_to(ROOT)
    unchanged = ast.parse(path.read_text())
    found: list[Mutant] = []
    if is_noticed(module, path, unchanged, tests):
        sys.exit(f"{source}: the tests fail without a change, or do not import the module: {' '.join(tests)}")
    for number, mutant in enumerate(chosen, 1):
        if not is_noticed(module, path, mutant.tree, tests):
            found.append(mutant)
            print(f"{source}:{mutant.line}: {mutant.place}: {mutant.change}", flush=True)
        print(f"{source}: {number - len(found)} of {number} ({len(chosen)} in all)", file=sys.stderr, flush=True)
    # What a mutant did to the server would let all later ones look noticed.
    if is_noticed(module, path, unchanged, tests):
        sys.exit(f"{source}: the tests fail without a change after the last mutant")
    print(f"{source}: {len(chosen) - len(found)} of {len(chosen)} mutants noticed, {1 - len(found) / len(chosen):.0%}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*")
    parser.add_argument("--tests", nargs="*", default=[], help="more tests, as for pytest")
    parser.add_argument("--sample", type=int, help="this many mutants, drawn by chance")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--lines", type=int, nargs="*", help="the mutants of these lines only")
    parser.add_argument("--critical", action="store_true", help="each security-critical file, and record the scores")
    parser.add_argument("--record", action="store_true", help="record the scores of these files")
    parser.add_argument("--table", action="store_true", help="print the recorded scores")
    options = parser.parse_args()
    if options.table:
        print(table())
        return
    # Imported once, before the forks: they take longer than most tests.
    for name in SLOW_IMPORTS:
        importlib.import_module(name)
    # A fork need not look at what is there before it: pytest collects garbage several times.
    gc.freeze()
    with server():
        for file in critical_files() if options.critical else options.files:
            path = file.resolve()
            chosen = list(mutants(path.read_text()))
            possible = len(chosen)
            if options.lines:
                chosen = [mutant for mutant in chosen if mutant.line in options.lines]
            if options.sample and options.sample < len(chosen):
                chosen = random.Random(options.seed).sample(chosen, options.sample)
            source = str(path.relative_to(ROOT))
            found = survivors(path, chosen, [*tests_of(path), *tests_in_addition(source), *options.tests])
            if options.critical or options.record:
                record(source, possible, len(chosen), [Survivor(mutant.place, mutant.change) for mutant in found])


if __name__ == "__main__":
    main()
