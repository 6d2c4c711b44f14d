import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from org_common.telemetry.monitoring.lambda_report import LambdaReport
from org_common.tools.cli import main
from tests.org_common.tools.tune.conftest import reports


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["tune", *map(str, arguments)], prog_name="org-common")


def line(report: LambdaReport) -> str:
    return (
        f"REPORT RequestId: {report.request_id}\tDuration: {report.duration_ms:.2f} ms\t"
        f"Billed Duration: {report.billed_ms:.0f} ms\tMemory Size: {report.memory_mb} MB\tMax Memory Used: 80 MB\t"
    )


@pytest.fixture
def logs(tmp_path: Path) -> list[Path]:
    files = [tmp_path / "512.log", tmp_path / "1024.log"]
    for file, mean in zip(files, (400, 190), strict=True):
        file.write_text("\n".join(map(line, reports(int(file.stem), mean))))
    return files


def test_two_logs_give_a_choice_and_its_patch(logs: list[Path]) -> None:
    result = run(*logs, "--function", "access-orgs")

    assert result.exit_code == 0, result.output
    assert result.output.endswith("\n[tool.org-common.functions.access-orgs]\nmemory = 1024\n")


def test_json_and_page(logs: list[Path], tmp_path: Path) -> None:
    result = run(*logs, "--json", "--html", tmp_path / "page.html")

    assert json.loads(result.output)["chosen"]["balanced"] == 1024
    assert "<svg" in (tmp_path / "page.html").read_text()


def test_too_few_samples_exit_with_one(logs: list[Path]) -> None:
    result = run(logs[0])

    assert result.exit_code == 1
    assert "no recommendation" in result.output


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "give the samples: files with REPORT lines, --aws, or --invoke"),
        ([__file__, "--aws"], "give the samples"),
        (["--invoke"], "--aws and --invoke need --function"),
        (["--invoke", "--function", "orders", "--ladder", "256"], "--ladder needs two or more sizes"),
        (["--invoke", "--function", "orders", "--ladder", "256,x"], "--ladder needs two or more sizes"),
        (["--invoke", "--function", "orders", "--ladder", "64,256"], "--ladder needs two or more sizes"),
        ([__file__], "has no REPORT lines"),
    ],
)
def test_wrong_input_is_one_message(arguments: list[str], expected: str) -> None:
    result = run(*arguments)

    assert result.exit_code in (1, 2)
    assert expected in result.output
    assert "Traceback" not in result.output
