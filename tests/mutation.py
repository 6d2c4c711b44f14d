"""How many small errors in a source file its tests notice: `python -m tests.mutation src/org_common/auth/claims.py`.

Each mutant is one change: a comparison or condition reversed, `and` for `or`, a number that is one larger, a result
that is None, a call or `raise` left out. It runs the tests of the file, test_<name>*.py in its mirror and those given
with `--tests`, in a forked process that imports the mutant instead of the source. A mutant that no test notices
survives and is printed: either a test is missing, or the change makes no difference to a caller.
"""

from __future__ import annotations

import argparse
import ast
import copy
import importlib.abc
import importlib.util
import os
import random
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType

import pytest

ROOT = Path(__file__).parents[1]
# A mutant that loops for ever counts as noticed.
TIMEOUT_S = 120
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


def mutants(source: str) -> Iterator[tuple[int, str, ast.Module]]:
    """Each mutant with its line and what was changed."""
    tree = ast.parse(source)
    for at, node in enumerate(ast.walk(tree)):
        for number, (said, _) in enumerate(_changes(node)):
            mutant = copy.deepcopy(tree)
            changed = next(each for index, each in enumerate(ast.walk(mutant)) if index == at)
            _changes(changed)[number][1]()
            yield getattr(node, "lineno", 0), said, ast.fix_missing_locations(mutant)


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--tests", nargs="*", default=[], help="more tests, as for pytest")
    parser.add_argument("--sample", type=int, help="this many mutants, drawn by chance")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    path = options.file.resolve()
    module = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    tests = [*tests_of(path), *options.tests]
    # Imported once, before the forks: they take longer than most tests.
    for name in ("hypothesis", "psycopg", "pydantic", "jwt", "cryptography.hazmat.primitives.asymmetric.rsa", "orjson"):
        importlib.import_module(name)
    unchanged = ast.parse(path.read_text())
    if is_noticed(module, path, unchanged, tests):
        sys.exit(f"the tests fail without a change, or do not import the module: {' '.join(tests)}")
    everything = list(mutants(path.read_text()))
    chosen = everything
    if options.sample and options.sample < len(everything):
        chosen = random.Random(options.seed).sample(everything, options.sample)
    killed = 0
    for number, (line, said, tree) in enumerate(chosen, 1):
        if is_noticed(module, path, tree, tests):
            killed += 1
        else:
            print(f"{options.file}:{line}: {said}", flush=True)
        print(f"{options.file}: {killed} of {number} ({len(everything)} in all)", file=sys.stderr, flush=True)
    print(f"{options.file}: {killed} of {len(chosen)} mutants noticed, {killed / len(chosen):.0%}")


if __name__ == "__main__":
    main()
