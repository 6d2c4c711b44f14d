"""docs/reference/lint.md has every rule of the lint, as the code has it, and what the command prints."""

import re

import pytest

from org_common.tools.lint.context import LOGINS, PLATFORM_ROLES, TENANT_COLUMNS, TENANT_ROLES
from org_common.tools.lint.waivers import EXPIRED, INVALID, UNUSED
from tests.docs.console import blocks, commands, matches, run
from tests.docs.lint_rules import END, PAGE, START, rules
from tests.docs.test_cli import EXAMPLE

TEXT = PAGE.read_text()


def test_page_has_the_rules_of_the_code() -> None:
    written = TEXT.partition(START)[2].partition(END)[0]

    assert written.strip() == rules().strip(), "python -m tests.docs.lint_rules"


def test_page_names_what_is_detected() -> None:
    for name in (*TENANT_ROLES, *PLATFORM_ROLES, *LOGINS, *TENANT_COLUMNS):
        assert f"`{name}`" in TEXT


def test_page_has_the_findings_about_waivers() -> None:
    assert set(re.findall(r"^\| `(waiver-[a-z]+)`", TEXT, re.MULTILINE)) == {EXPIRED, INVALID, UNUSED}


@pytest.mark.db
def test_console_works_as_printed() -> None:
    (block,) = [block for block in blocks(PAGE) if block.language == "console"]
    shown = commands(block.text)

    for command, printed in zip(shown, run(shown, EXAMPLE, {}), strict=True):
        assert matches(printed, command.output), f"$ {command.text}\n{printed}"
