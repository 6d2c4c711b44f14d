"""Each alarm has its runbook, and each runbook its alarm."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_alarm_has_its_runbook() -> None:
    alarms = (ROOT / "infra" / "modules" / "stack" / "alarms.tf").read_text()
    page = (ROOT / "docs" / "operations" / "terraform.md").read_text().partition("## Runbooks\n")[2]

    assert re.findall(r"^### (\S+)$", page, re.MULTILINE) == re.findall(r"Runbook: ([a-z0-9-]+)\.", alarms)
    assert alarms.count('resource "aws_cloudwatch_metric_alarm"') == alarms.count("Runbook: ")
