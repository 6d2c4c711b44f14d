"""Each alarm has its runbook, and each runbook its alarm."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = ("stack", "service")


def alarms(module: str) -> str:
    return (ROOT / "infra" / "modules" / module / "alarms.tf").read_text()


def test_each_alarm_has_its_runbook() -> None:
    page = (ROOT / "docs" / "operations" / "terraform.md").read_text().partition("## Runbooks\n")[2]
    named = [name for module in MODULES for name in re.findall(r"Runbook: ([a-z0-9-]+)\.", alarms(module))]

    assert re.findall(r"^### (\S+)$", page, re.MULTILINE) == list(dict.fromkeys(named))


def test_each_alarm_names_a_runbook_and_notifies() -> None:
    for module in MODULES:
        blocks = re.findall(r'^resource "aws_cloudwatch_metric_alarm".*?^}', alarms(module), re.MULTILINE | re.DOTALL)
        assert blocks
        for block in blocks:
            assert block.count("Runbook: ") == 1
            assert re.search(r"alarm_actions\s+= local\.topics", block)
            assert "treat_missing_data" in block
