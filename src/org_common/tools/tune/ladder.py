"""Measures a deployed function at several memory sizes: it changes the size, invokes, and restores the size."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from org_common.telemetry.monitoring.lambda_report import LambdaReport, parse_report
from org_common.tools.project.project import ToolError


@contextmanager
def connected() -> Iterator[Any]:
    """A client for Lambda, with the AWS credentials of this shell. Errors of AWS are a `ToolError`."""
    try:
        import botocore.exceptions  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
        import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
    except ImportError as error:
        raise ToolError("tune --invoke needs boto3: pip install 'org-common[aws]'") from error
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    try:
        yield botocore.session.Session().create_client("lambda", region_name=region)
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        raise ToolError(f"AWS: {str(error).splitlines()[0]}") from None


def measure(
    client: Any,
    function: str,
    sizes: Sequence[int],
    event: bytes,
    count: int,
    progress: Callable[[str], Callable[[int, int], None]],
) -> list[LambdaReport]:
    """Invoke the unpublished version `count` times at each size, after one cold start.

    `client` is botocore's client for Lambda. What the function had before is restored, also after an error.
    """
    before = int(client.get_function_configuration(FunctionName=function)["MemorySize"])
    found: list[LambdaReport] = []
    try:
        for size in sizes:
            _resize(client, function, size)
            show = progress(f"invocations at {size} MB")
            for done in range(1, count + 2):
                found.append(_invoke(client, function, event))
                show(done, count + 1)
    finally:
        _resize(client, function, before)
    return found


def _resize(client: Any, function: str, memory_mb: int) -> None:
    client.update_function_configuration(FunctionName=function, MemorySize=memory_mb)
    client.get_waiter("function_updated_v2").wait(FunctionName=function)


def _invoke(client: Any, function: str, event: bytes) -> LambdaReport:
    response = client.invoke(FunctionName=function, Payload=event, LogType="Tail")
    log = base64.b64decode(response.get("LogResult", "")).decode("utf-8", errors="replace")
    if "FunctionError" in response:
        shown = response["Payload"].read(500).decode("utf-8", errors="replace")
        raise ToolError(f"{function} failed, so its time says nothing: {shown}")
    for line in reversed(log.splitlines()):
        if (report := parse_report(line)) is not None:
            return report
    raise ToolError(f"{function} returned no REPORT line: it may log to a destination of its own")
