import base64
import io
from collections.abc import Callable
from typing import Any

import pytest

from org_common.tools.project.project import ToolError
from org_common.tools.tune import ladder
from tests.support.aws import FakeAws

LINE = (
    "REPORT RequestId: {n}\tDuration: {ms} ms\tBilled Duration: {ms} ms\tMemory Size: {mb} MB\tMax Memory Used: 76 MB"
)


class FakeLambda:
    """What `ladder` asks of Lambda, which moto runs in Docker only."""

    def __init__(self, error: str | None = None, log: str = LINE) -> None:
        self.memory, self.sizes, self.error, self.log, self.number = 512, list[int](), error, log, 0

    def get_function_configuration(self, **_: Any) -> dict[str, Any]:
        return {"MemorySize": self.memory}

    def update_function_configuration(self, **options: Any) -> None:
        self.memory = options["MemorySize"]
        self.sizes.append(self.memory)

    def get_waiter(self, name: str) -> Any:
        assert name == "function_updated_v2"
        return self

    def wait(self, **_: Any) -> None:
        pass

    def invoke(self, **_: Any) -> dict[str, Any]:
        self.number += 1
        log = "START\n" + self.log.format(n=self.number, ms=51200 // self.memory, mb=self.memory) + "\n"
        failed = {} if self.error is None else {"FunctionError": "Unhandled"}
        payload = io.BytesIO((self.error or "").encode())
        return {"LogResult": base64.b64encode(log.encode()).decode(), "Payload": payload, **failed}


def ignored(noun: str) -> Callable[[int, int], None]:
    return lambda done, total: None


def test_each_size_is_measured_and_the_size_restored() -> None:
    client, said = FakeLambda(), list[tuple[str, int, int]]()

    def progress(noun: str) -> Callable[[int, int], None]:
        return lambda done, total: said.append((noun, done, total))

    found = ladder.measure(client, "orders", [256, 1024], b"{}", 2, progress)

    assert [(report.memory_mb, report.duration_ms) for report in found] == [(256, 200)] * 3 + [(1024, 50)] * 3
    assert client.sizes == [256, 1024, 512]
    assert said == [(f"invocations at {size} MB", done, 3) for size in (256, 1024) for done in (1, 2, 3)]


def test_size_is_restored_after_an_error() -> None:
    client = FakeLambda(error='{"errorMessage": "no good"}')

    with pytest.raises(ToolError, match="orders failed, so its time says nothing: .*no good"):
        ladder.measure(client, "orders", [256, 1024], b"{}", 2, ignored)

    assert client.sizes == [256, 512]


def test_log_without_a_report_is_an_error() -> None:
    with pytest.raises(ToolError, match="returned no REPORT line"):
        ladder.measure(FakeLambda(log=""), "orders", [256], b"{}", 2, ignored)


def test_error_of_aws_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**FakeAws("http://127.0.0.1:9").environ, "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)

    with (
        pytest.raises(ToolError, match=r"^AWS: Could not connect to the endpoint URL"),
        ladder.connected() as client,
    ):
        ladder.measure(client, "orders", [256], b"{}", 2, ignored)
