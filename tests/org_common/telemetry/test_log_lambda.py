"""Beside others: Lambda's own handler in each of its configurations, and Powertools' Logger."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator

import pytest
from aws_lambda_powertools import Logger
from awslambdaric import bootstrap  # type: ignore[import-untyped]
from awslambdaric.lambda_context import LambdaContext  # type: ignore[import-untyped]
from awslambdaric.lambda_runtime_log_utils import (  # type: ignore[import-untyped]
    _JSON_FRAME_TYPES,
    _TEXT_FRAME_TYPES,
    LogFormat,
)

from org_common.telemetry import log
from org_common.telemetry.log import configure, frame
from tests.support.lines import Sink, untouched_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    with untouched_logging():
        yield


def runtime(sink: object, log_format: int = LogFormat.TEXT, level: str = "") -> None:
    """What Lambda's runtime does before it imports the function."""
    bootstrap._setup_logging(log_format, level, sink)


@pytest.mark.parametrize("level", [0, 5, 10, 20, 30, 35, 40, 50, 60])
def test_frames_are_those_of_the_runtime(level: int) -> None:
    nearest = min(50, level) // 10 * 10

    assert frame(level, is_json=True) == _JSON_FRAME_TYPES[nearest]
    assert frame(level, is_json=False) == _TEXT_FRAME_TYPES[nearest]


@pytest.mark.parametrize(
    ("log_format", "level", "expected"),
    [
        (None, None, None),
        ("Text", None, None),
        ("JSON", "INFO", _JSON_FRAME_TYPES[logging.WARNING]),
        ("JSON", None, _JSON_FRAME_TYPES[logging.WARNING]),
        (None, "INFO", _TEXT_FRAME_TYPES[logging.WARNING]),
    ],
)
def test_line_goes_the_runtime_s_way_once_and_in_its_frame(
    log_format: str | None, level: str | None, expected: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"AWS_LAMBDA_LOG_FORMAT": log_format, "AWS_LAMBDA_LOG_LEVEL": level}.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    sink = Sink()
    runtime(sink, LogFormat.from_str(log_format or ""), level or "")

    configure()
    logging.getLogger("shop").warning("careful")

    [(frame_type, line)] = sink.written
    assert frame_type == expected
    assert json.loads(line)["message"] == "careful"


def test_framed_sink_of_the_runtime_gets_one_frame_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")
    ends = os.pipe()
    with os.fdopen(ends[0], "rb", buffering=0) as reader, bootstrap.FramedTelemetryLogSink(ends[1]) as sink:
        runtime(sink, LogFormat.JSON)
        configure()
        logging.getLogger("shop").error("two\nlines")
        frame_ = reader.read(4096)

    assert frame_[:4] == _JSON_FRAME_TYPES[logging.ERROR]
    assert int.from_bytes(frame_[4:8], "big") == len(frame_) - 16
    assert json.loads(frame_[16:])["message"] == "two\nlines"


def test_context_log_of_the_runtime_still_finds_its_way() -> None:
    sink = Sink()
    runtime(sink)
    configure()

    LambdaContext("r-1", None, None, 0).log("by hand")

    assert sink.written == [(None, "by hand")]


def test_line_of_no_request_of_an_app_has_lambda_s_id(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Sink()
    runtime(sink)
    monkeypatch.setattr(bootstrap, "_GLOBAL_AWS_REQUEST_ID", "r-lambda")
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9001")

    log.in_lambda()
    logging.getLogger("shop").info("by itself")

    [line] = sink.lines
    assert (line["message"], line["lambda_request_id"]) == ("by itself", "r-lambda")


def test_elsewhere_than_in_lambda_a_function_that_is_no_app_changes_nothing() -> None:
    log.in_lambda()

    assert log.active() is None


@pytest.mark.parametrize("first", ["ours", "powertools"])
def test_powertools_logger_and_ours_each_write_their_own_lines_once(
    first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = Sink()
    runtime(sink)
    if first == "ours":
        configure()
    powertools = Logger(service=f"payment-{first}")
    if first != "ours":
        configure()

    powertools.info("theirs")
    logging.getLogger("shop").info("ours")

    [line] = capsys.readouterr().out.splitlines()
    assert (json.loads(line)["message"], json.loads(line)["service"]) == ("theirs", f"payment-{first}")
    assert [each["message"] for each in sink.lines] == ["ours"]


def test_configured_again_it_stays_on_the_runtime_s_way(capsys: pytest.CaptureFixture[str]) -> None:
    sink = Sink()
    runtime(sink)
    configure()
    configure()

    logging.getLogger("shop").info("once")

    assert len(sink.written) == 1
    assert capsys.readouterr().out == ""
