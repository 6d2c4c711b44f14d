import re

import pytest

from org_common.tools.manifest.expressions import is_timezone, problem_of


@pytest.mark.parametrize(
    "expression",
    [
        "rate(1 day)",
        "rate(5 minutes)",
        "at(2027-01-31T08:00:00)",
        "cron(0 3 * * ? *)",
        "cron(0/15 8-17 ? * MON-FRI *)",
        "cron(0 0 L * ? 2027)",
        "cron(0 0 ? JAN,jul 2#1 2026-2030)",
        "cron(0 9 15W * ? *)",
        "cron(0 9 ? * 6L *)",
    ],
)
def test_valid_expression(expression: str) -> None:
    assert problem_of(expression) is None


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("every morning", "is not a schedule"),
        ("rate(1 days)", "a rate is a number and its unit"),
        ("rate(0 days)", "a rate is a number and its unit"),
        ("rate(5 fortnights)", "a rate is a number and its unit"),
        ("at(tomorrow)", "a time is written like"),
        ("at(2027-02-30T08:00:00)", "a time is written like"),
        ("cron(0 3 * * *)", "it has 5 fields, and six are needed"),
        ("cron(0 3 * * * *)", "exactly one of"),
        ("cron(0 3 ? * ? *)", "exactly one of"),
        ("cron(60 3 * * ? *)", "'60' is not a valid minutes, 0 to 59"),
        ("cron(0 24 * * ? *)", "'24' is not a valid hours"),
        ("cron(0 3 32 * ? *)", "'32' is not a valid day of the month"),
        ("cron(0 3 ? * 8 *)", "'8' is not a valid day of the week"),
        ("cron(0 3 ? * MONDAY *)", "'MONDAY' is not a valid day of the week"),
        ("cron(0 3 * 13 ? *)", "'13' is not a valid month"),
        ("cron(0/0 3 * * ? *)", "'0/0' is not a valid minutes"),
        ("cron(? 3 * * ? *)", "'\\?' is not a valid minutes"),
        ("cron(1-2-3 3 * * ? *)", "'1-2-3' is not a valid minutes"),
        ("cron(0 9 32W * ? *)", "'32W' is not a valid day of the month"),
    ],
)
def test_invalid_expression_has_a_reason(expression: str, words: str) -> None:
    assert re.search(words, problem_of(expression) or "")


def test_time_zones_are_those_of_the_database() -> None:
    assert is_timezone("Europe/Berlin")
    assert not is_timezone("Europe/Nowhere")
