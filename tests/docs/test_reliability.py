"""Guarantees of docs/operations/reliability.md: the tests that it names exist, and mutation scores are recorded."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.mutation_scores import load, table

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations" / "reliability.md").read_text()
ROW = re.compile(r"^\| (\d+) \| (.+)$", re.MULTILINE)
TEST = re.compile(r"`([\w/]+\.py)::(\w+)`")
SCORES = load()


@cache
def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_guarantee_of_the_checklist_is_there_once() -> None:
    numbers = [int(number) for number, _ in ROW.findall(PAGE)]

    assert sorted(numbers) == list(range(1, 61))


@pytest.mark.parametrize(("number", "row"), ROW.findall(PAGE))
def test_every_test_that_is_named_exists(number: str, row: str) -> None:
    named = TEST.findall(row)

    assert named
    assert [name for path, name in named if name not in functions(path)] == []


def test_scores_are_those_that_were_recorded() -> None:
    _, _, shown = PAGE.partition("--table -->\n")

    # `python -m tests.mutation --table` prints them.
    assert shown.partition("<!-- end -->")[0].strip() == table()


@pytest.mark.parametrize("source", SCORES)
def test_score_of_a_security_critical_file_is_high(source: str) -> None:
    score = SCORES[source]

    assert (ROOT / source).exists()
    assert score["noticed"] >= 0.9 * score["tried"]
    assert len(score["survivors"]) == score["tried"] - score["noticed"]


@pytest.mark.parametrize("source", SCORES)
def test_each_survivor_is_explained(source: str) -> None:
    assert [each for each in SCORES[source]["survivors"] if len(each["why"]) < 20] == []
