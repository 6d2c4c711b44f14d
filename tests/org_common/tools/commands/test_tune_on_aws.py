"""`org-common tune` against AWS's APIs over HTTP, with botocore: moto's server, and a stub for Invoke alone."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from org_common.tools.cli import main
from tests.cora_modules.mgmt.cloud import Cloud
from tests.support.aws import FakeAws, fake_aws
from tests.support.invoke_api import InvokeApi, invoke_api


@pytest.fixture(scope="module")
def server() -> Iterator[FakeAws]:
    with fake_aws() as fake:
        yield fake


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """A test before these may have sent the log of all loggers to the terminal."""
    caplog.set_level(logging.WARNING, logger="botocore")


@pytest.fixture
def cloud(server: FakeAws) -> Cloud:
    server.reset()
    found = Cloud(server)
    found.create_function("prod-orders", MemorySize=640)
    return found


@pytest.fixture
def api(server: FakeAws, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[InvokeApi]:
    with invoke_api(server) as found:
        for name, value in FakeAws(found.url).environ.items():
            monkeypatch.setenv(name, value)
        yield found


def tune(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["tune", *map(str, arguments)], prog_name="org-common")


def memory(cloud: Cloud) -> int:
    found: int = cloud.client("lambda").get_function_configuration(FunctionName="prod-orders")["MemorySize"]
    return found


def test_function_is_invoked_at_each_size_and_gets_its_size_back(api: InvokeApi, cloud: Cloud, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"rawPath": "/orders"}')

    result = tune("--invoke", "--function", "prod-orders", "--ladder", "256,1024", "-n", 30, "--event", event, "--json")

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert api.sizes == [256] * 31 + [1024] * 31
    assert api.events == [{"rawPath": "/orders"}] * 62
    assert result.stderr == "31 of 31 invocations at 256 MB\n31 of 31 invocations at 1024 MB\n"
    assert memory(cloud) == 640
    # The cold start of each size is counted apart.
    assert [(size["memory_mb"], size["warm"], size["cold"]) for size in found["sizes"]] == [
        (256, 30, 1),
        (1024, 30, 1),
    ]
    assert found["chosen"]["fastest"] == 1024


def test_function_that_fails_gets_its_size_back(api: InvokeApi, cloud: Cloud) -> None:
    api.failing_from = 40

    result = tune("--invoke", "--function", "prod-orders", "--ladder", "256,1024", "-n", 30)

    assert result.exit_code == 1
    assert result.stderr.endswith('prod-orders failed, so its time says nothing: {"errorMessage": "no good"}\n')
    assert (len(api.sizes), memory(cloud)) == (40, 640)


def test_unknown_function_is_one_line(api: InvokeApi) -> None:
    result = tune("--invoke", "--function", "prod-order", "--ladder", "256,1024")

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: AWS: An error occurred (ResourceNotFoundException)")
    assert result.stderr.count("\n") == 1


def test_reports_are_read_from_the_log_of_the_function_alone(api: InvokeApi, cloud: Cloud) -> None:
    cloud.create_function("prod-orders-archive")
    now = datetime.now(UTC)
    for number in range(80):
        at = now - timedelta(minutes=100 - number)
        size = 512 if number < 40 else 1024
        cloud.log("prod-orders", at, "an application's line", line(size, 51200 / size + number % 5, number))
        cloud.log("prod-orders-archive", at, line(128, 5000.0, number))
    # Older than is asked for.
    cloud.log("prod-orders", now - timedelta(hours=30), line(256, 900.0))

    result = tune("--aws", "--function", "prod-orders", "--hours", 24, "--json")

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [(size["memory_mb"], size["warm"]) for size in found["sizes"]] == [(512, 40), (1024, 40)]
    assert api.sizes == []


def test_log_without_reports_is_one_message(api: InvokeApi) -> None:
    result = tune("--aws", "--function", "prod-orders")

    assert result.exit_code == 1
    assert "Traceback" not in result.output


def line(size: int, ms: float, number: int = 0) -> str:
    return (
        f"REPORT RequestId: 0a-{number}\tDuration: {ms:.2f} ms\tBilled Duration: {-(-ms // 1):.0f} ms\t"
        f"Memory Size: {size} MB\tMax Memory Used: 80 MB\t\n"
    )
