"""Each rule has a bad and a good fixture, and its texts."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from org_common.tools.lint.finding import Rule
from org_common.tools.lint.registry import RULES

FOLDER = Path(__file__).parent / "rules"
CASES = [
    case
    for file in sorted(FOLDER.glob("test_*.py"))
    for case in import_module(f"tests.org_common.tools.lint.rules.{file.stem}").CASES
]


def test_each_rule_has_fixtures() -> None:
    # The version of the server is no SQL: test_roles.py has a test of its own.
    assert {case.rule for case in CASES} == {rule.id for rule in RULES} - {"server-outdated"}


def test_ids_are_unique() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_rule_says_what_why_and_how(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)+", rule.id)
    assert not rule.title.endswith(".")
    for sentence in (rule.why, rule.fix):
        assert sentence[0].isupper()
        assert sentence.endswith((".", ")"))
