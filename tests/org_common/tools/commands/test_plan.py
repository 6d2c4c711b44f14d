import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from org_common.tools.cli import main
from tests.docs.console import blocks, commands
from tests.org_common.tools.plan.test_connections import QUEUE, function

PAGE = Path(__file__).parents[4] / "docs" / "operations" / "planning.md"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["plan", *map(str, arguments)], prog_name="org-common")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    functions: dict[str, Any] = {
        "access-orgs": function(80, memory=1024, timeout=5, provisioned={"min": 2, "max": 5, "utilization": 0.7}),
        "access-users": function(20, memory=512, timeout=15, provisioned=None),
        "kb-ingest": function(**QUEUE, memory=512, timeout=15, provisioned=None),
    }
    file = tmp_path / "manifest.json"
    file.write_text(json.dumps({"version": 1, "architecture": "x86_64", "functions": functions}))
    return file


def test_numbers_make_a_plan() -> None:
    result = run("--rate", 1, "--hours", 1)

    assert result.exit_code == 0, result.output
    assert "recommended: on-demand" in result.output


def test_same_seed_same_plan() -> None:
    first, second, other = (run("--rate", 1, "--hours", 1, "--json", "--seed", seed).output for seed in (1, 1, 2))

    assert first == second != other
    assert json.loads(first)["traffic"]["seconds"] == 86_400


def test_measurements_and_manifest_are_taken(tmp_path: Path, manifest: Path) -> None:
    times = tmp_path / "coldstart.json"
    times.write_text(json.dumps({"init_s": [0.4], "first_s": [0.02], "warm_s": [0.02]}))
    page = tmp_path / "plan.html"

    result = run(
        *("--rate", 1, "--hours", 1, "--manifest", manifest, "--function", "access-orgs"),
        *("--coldstart", times, "--json", "--html", page),
    )

    options = {option["option"]: option for option in json.loads(result.stdout)["options"]}
    assert options["on-demand"]["p50_ms"] == pytest.approx(20)
    assert options["provisioned, tracking"]["places"] >= 2
    [duration] = [line for line in options["on-demand"]["cost"] if line["name"] == "duration"]
    assert duration["quantity"] == pytest.approx(options["on-demand"]["requests"] * 0.02 * 730 / 24, rel=1e-3)
    assert page.read_text().startswith("<!doctype html>")


def test_trace_and_report_are_read(tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("timestamp,count\n2026-11-30 10:00:00,30\n2026-11-30 10:01:00,60\n2026-11-30 10:09:00,5\n")
    report = tmp_path / "log"
    report.write_text("REPORT RequestId: 1\tDuration: 30 ms\tBilled Duration: 30 ms\tMemory Size: 256 MB\n")

    result = run("--trace", trace, "--timezone", "Europe/Berlin", "--report", report)

    assert "95 requests in 0.2 h, 256 MB, arm64" in result.output
    assert "note: 7 of 10 periods of 60 s have no row, and count as no traffic" in result.output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "give the traffic: either --trace FILE, or --rate NUMBER"),
        (["--rate", "1", "--trace", __file__], "give the traffic"),
        (["--trace", __file__, "--timezone", "Mars/Olympus"], "'Mars/Olympus' is not a time zone"),
        (["--trace", __file__], "has no column of times"),
        (["--rate", "-1"], "-1.0 is not in the range x>0"),
        (["--rate", "1", "--burst", "0"], "the burst at least 1"),
        (["--rate", "1", "--service", "5"], "'5' is not two numbers, such as 50,200"),
        (["--rate", "1", "--service", "9,5"], "the first must be at least 0.001, and not above the second"),
        (["--rate", "1", "--report", __file__, "--coldstart", __file__], "give one of --report and --coldstart"),
        (["--rate", "1", "--function", "orgs"], "--manifest and --function belong together"),
    ],
)
def test_wrong_input_is_one_message(arguments: list[str], expected: str) -> None:
    result = run(*arguments)

    assert result.exit_code in (1, 2)
    assert expected in result.output
    assert "Traceback" not in result.output


def test_function_that_is_not_in_the_manifest(manifest: Path) -> None:
    result = run("--rate", 1, "--manifest", manifest, "--function", "access-org")

    assert "did you mean access-orgs?" in result.output


def test_connections_are_those_of_the_page(manifest: Path) -> None:
    [shown] = [block for block in blocks(PAGE) if block.language == "console"]
    [command] = commands(shown.text)

    result = run("connections", "--manifest", manifest, *command.text.split()[5:])

    assert result.output == command.output
    assert result.exit_code == 1


def test_connections_for_programs(manifest: Path) -> None:
    result = run("connections", "--manifest", manifest, "--json")

    found = json.loads(result.output)
    assert result.exit_code == 1
    assert found["connections"] == sum(each["connections"] for each in found["functions"])
    assert found["excess"] == found["connections"] - found["accepted"] > 0
    assert found["change"]["reserved"]
    roomy = run("connections", "--manifest", manifest, "--json", "--max-connections", 5000)
    assert (roomy.exit_code, json.loads(roomy.output)["change"]) == (0, None)


def test_connections_fit_after_the_change(manifest: Path) -> None:
    printed = run("connections", "--manifest", manifest).output
    tables = tomllib.loads(printed[printed.index("[tool") :])["tool"]["org-common"]["functions"]
    document = json.loads(manifest.read_text())
    for name, table in tables.items():
        document["functions"][name] |= table
    manifest.write_text(json.dumps(document))

    assert run("connections", "--manifest", manifest).exit_code == 0


def test_pooler_and_rds(manifest: Path) -> None:
    assert run("connections", "--manifest", manifest, "--pool-size", 20).exit_code == 0
    assert run("connections", "--manifest", manifest, "--rds-memory", 2).exit_code == 0
    assert run("connections", "--manifest", manifest, "--pool-size", 20, "--processes", 16).exit_code == 1
