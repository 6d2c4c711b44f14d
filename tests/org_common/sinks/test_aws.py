"""Retries of a batch, and errors of AWS as text."""

import subprocess
import sys
from collections.abc import Sequence

import pytest

from org_common.sinks.aws import AwsError, Client, send_all

BUSY = AwsError("busy")


class Batch:
    """Fails with what `script` has for each attempt: entries, and whether the failure may be temporary."""

    def __init__(self, *script: dict[str, bool]) -> None:
        self.script = list(script)
        self.sent: list[list[str]] = []

    def send(self, entries: Sequence[str]) -> list[tuple[str, Exception, bool]]:
        self.sent.append(list(entries))
        failures = self.script.pop(0) if self.script else {}
        return [(entry, BUSY, failures[entry]) for entry in entries if entry in failures]


@pytest.mark.parametrize(
    ("script", "failed", "sent"),
    [
        ([], "", ["abc"]),
        ([{"b": True}], "", ["abc", "b"]),
        ([{"b": False}], "b", ["abc"]),
        ([{"a": True, "b": False}, {"a": False}], "ab", ["abc", "a"]),
        ([{"a": True}, {"a": True}, {"a": True}], "a", ["abc", "a", "a"]),
        ([{"a": True, "b": True}, {"a": True}], "", ["abc", "ab", "a"]),
    ],
)
def test_only_temporary_failures_are_sent_again(script: list[dict[str, bool]], failed: str, sent: list[str]) -> None:
    batch = Batch(*script)

    found = send_all("abc", batch.send, (0, 0))

    assert sorted(found) == sorted(failed)
    assert ["".join(each) for each in batch.sent] == sent


def test_error_names_code_and_message(aws: object) -> None:
    with pytest.raises(AwsError, match="does not exist") as caught:
        Client("sqs", None, None).call("get_queue_url", QueueName="nowhere")

    assert "NonExistentQueue" in caught.value.code or "QueueDoesNotExist" in caught.value.code


def test_missing_region_is_one_line(aws: object, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)

    with pytest.raises(AwsError, match="^NoRegionError: ") as caught:
        Client("sqs", None, None).call("list_queues")

    assert caught.value.code == ""


def test_importing_a_sink_loads_no_botocore() -> None:
    modules = "sys, org_common.sinks.sqs, org_common.sinks.eventbridge, org_common.sinks.http"
    code = f"import {modules}; print('botocore' in sys.modules)"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "False\n"
