"""The tables of docs/guides/observability.md say what the code does."""

import re
from pathlib import Path

from org_common.telemetry import metrics, observability
from org_common.telemetry.log import DEBUG_LINES
from org_common.telemetry.redaction import Redactor

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "observability.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The rows of the first table behind a heading, without code marks."""
    found = re.search(r"(?:^\|.+\|\n)+", PAGE.partition(f"\n{heading}\n")[2], re.MULTILINE)
    assert found is not None
    [_, _, *rows] = found[0].splitlines()
    return [[cell.strip().replace("`", "") for cell in row.strip("|").split(" | ")] for row in rows]


def test_every_variable_is_there() -> None:
    asked: set[str] = set()

    def get(name: str) -> None:
        asked.add(name)

    observability.read(get)

    assert {name for row in table("## Environment variables") for name in row[0].split(", ")} == asked


def test_defaults_are_those_of_the_page() -> None:
    rows = {row[0]: row[2] for row in table("## Environment variables")}
    how = observability.Observability()

    assert rows["ORG_COMMON_LOG_DEBUG_LINES"] == str(how.debug_lines) == str(DEBUG_LINES)
    assert rows["ORG_COMMON_METRICS"] == how.namespace
    assert rows["ORG_COMMON_TRACES"] == how.traces
    assert f"the latest {DEBUG_LINES} of each request" in PAGE


def test_every_metric_of_the_sdk_s_own_is_there() -> None:
    told = {name for row in table("## Metrics") for name in row[0].split(", ")}

    assert told == metrics.OWN


def test_every_part_of_a_name_that_says_secret_is_masked() -> None:
    [said] = re.findall(r"names\s+that\s+contain\s+(.+?)\.\s", PAGE, re.DOTALL)
    redactor = Redactor()

    for name in re.findall(r"`(\w+)`", said):
        assert redactor.field(f"the_{name}", "x") == "***", name
