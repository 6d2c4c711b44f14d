"""What a type checker refuses before any test runs.

Each line of tests/typing/refused/ that ends in "# by <checker>: <rule>" must be refused so, and no other line.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
REFUSED = sorted(Path(__file__).parent.glob("typing/refused/*.py"))

# Line and rule.
Refusals = set[tuple[int, str]]


@pytest.fixture(scope="module")
def basedpyright() -> dict[str, Refusals]:
    found: dict[str, Refusals] = {path.name: set() for path in REFUSED}
    report = checked("basedpyright", "--outputjson", "--pythonpath", sys.executable)
    for fault in json.loads(report)["generalDiagnostics"]:
        found[Path(fault["file"]).name].add((fault["range"]["start"]["line"] + 1, fault["rule"]))
    return found


@pytest.fixture(scope="module")
def mypy() -> dict[str, Refusals]:
    found: dict[str, Refusals] = {path.name: set() for path in REFUSED}
    for line in checked("mypy", "--output=json").splitlines():
        fault = json.loads(line)
        if fault["severity"] == "error":
            found[Path(fault["file"]).name].add((fault["line"], fault["code"]))
    return found


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_basedpyright_refuses(path: Path, basedpyright: dict[str, Refusals]) -> None:
    assert basedpyright[path.name] == expected(path, "basedpyright")


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_mypy_refuses(path: Path, mypy: dict[str, Refusals]) -> None:
    assert mypy[path.name] == expected(path, "mypy")


def test_sql_that_was_put_together_is_refused() -> None:
    """The marks say what they are meant to say: nobody has edited the refusal away."""
    path = ROOT / "tests/typing/refused/sql_put_together.py"

    rules = [rule for _, rule in sorted(expected(path, "basedpyright"))]

    assert rules == ["reportArgumentType"] * 3


def test_a_route_without_a_rule_is_refused_by_both() -> None:
    path = ROOT / "tests/typing/refused/route_without_rule.py"

    assert len(expected(path, "basedpyright")) == len(expected(path, "mypy")) == 3


def test_a_misspelt_role_is_refused_by_both() -> None:
    path = ROOT / "tests/typing/refused/misspelt_role.py"

    assert (len(expected(path, "basedpyright")), len(expected(path, "mypy"))) == (6, 5)


def expected(path: Path, checker: str) -> Refusals:
    lines = path.read_text().splitlines()
    return {(at, rule) for at, line in enumerate(lines, 1) for rule in re.findall(rf"by {checker}: ([\w-]+)", line)}


def checked(checker: str, *options: str) -> str:
    command = [sys.executable, "-m", checker, *options, *map(str, REFUSED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout
