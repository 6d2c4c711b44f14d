"""REPORT lines as Lambda writes them, in both formats, and lines that are not reports."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common.telemetry.monitoring.lambda_report import (
    InitReport,
    LambdaReport,
    parse_init_report,
    parse_report,
)

ID = "8f507cfc-xmpl-4697-b07a-ac58fc914c95".replace("xmpl", "4a1b")
TEXT = (
    f"REPORT RequestId: {ID}\tDuration: 102.25 ms\tBilled Duration: 103 ms\t"
    "Memory Size: 512 MB\tMax Memory Used: 76 MB\t"
)
WARM = LambdaReport(ID, 102.25, 103.0, 512, 76)
XRAY = "\nXRAY TraceId: 1-5e34a614-10bdxmplf1fb44f07bc535a1\tSegmentId: 07f5xmpl2d1f6f85\tSampled: true\t\n"


def changed(**fields: Any) -> LambdaReport:
    values = {name: getattr(WARM, name) for name in LambdaReport.__slots__}
    return LambdaReport(**{**values, **fields})


def as_json(record: dict[str, Any] | None = None, **metrics: Any) -> str:
    values = {"durationMs": 102.25, "billedDurationMs": 103, "memorySizeMB": 512, "maxMemoryUsedMB": 76, **metrics}
    record = {"requestId": ID, "metrics": values, "status": "success", **(record or {})}
    return json.dumps({"time": "2026-11-30T08:00:00.000Z", "type": "platform.report", "record": record})


OOM = {"status": "error", "error_type": "Runtime.OutOfMemory"}
LINES = {
    "warm": (TEXT, WARM),
    "newline": (TEXT + "\n", WARM),
    "init": (TEXT + "Init Duration: 341.62 ms\t\n", changed(init_ms=341.62)),
    "restore": (
        TEXT + "Restore Duration: 501.20 ms\tBilled Restore Duration: 502 ms\t\n",
        changed(restore_ms=501.2),
    ),
    "X-Ray": (TEXT + "Init Duration: 341.62 ms\t" + XRAY, changed(init_ms=341.62)),
    "timeout": (TEXT + "Status: timeout\t\n", changed(status="timeout")),
    "timeout with X-Ray": (TEXT + XRAY + "Status: timeout", changed(status="timeout")),
    "out of memory": (TEXT + "Status: error\tError Type: Runtime.OutOfMemory\n", changed(**OOM)),
    "exit": (
        TEXT + "Status: error\tError Type: Runtime.ExitError\n",
        changed(status="error", error_type="Runtime.ExitError"),
    ),
    "new status": (TEXT + "Status: paused", changed(status="error")),
    "new fields": (TEXT + "Green Duration: 7.5 ms\tDisk Size: 512 MB\tRegion Pair: a/b\tShare: 0.5 %\t", WARM),
    "whole numbers": (TEXT.replace("102.25 ms", "102 ms"), changed(duration_ms=102.0)),
    "spaces": (TEXT.replace("\t", " ") + "Init Duration: 341.62 ms", changed(init_ms=341.62)),
    "shipper's prefix": (f"2026-11-30T08:00:00.000Z {TEXT}", WARM),
    "any order": (
        "REPORT " + "\t".join(reversed(TEXT.removeprefix("REPORT ").rstrip("\t").split("\t"))),
        WARM,
    ),
    "status first": (
        TEXT.replace("\tDuration", "\tStatus: timeout\tInit Duration: 1.5 ms\tDuration"),
        changed(status="timeout", init_ms=1.5),
    ),
    "spaces and X-Ray": (
        TEXT.replace("\t", " ") + "Restore Duration: 501.20 ms Billed Restore Duration: 502 ms XRAY TraceId: 1-5e "
        "SegmentId: 07 Sampled: True Status: error Error Type: Runtime.ExitError Init Duration: 3 ms",
        changed(restore_ms=501.2, init_ms=3.0, status="error", error_type="Runtime.ExitError"),
    ),
    "new field with a word": (TEXT.replace("\tMemory", " Tier: Standard Memory"), WARM),
    "carriage return": (TEXT + "Init Duration: 341.62 ms\t\r\n", changed(init_ms=341.62)),
    "another kind of id": (TEXT.replace(ID, "local:1"), changed(request_id="local:1")),
    "end of an older log": (
        f"{TEXT}\n2026-11-30T08:00:00.000Z {ID} Task timed out after 3.00 seconds\n\n",
        changed(status="timeout"),
    ),
    "another one's timeout": (f"{TEXT}\n2026-11-30T08:00:00.000Z 0a Task timed out after 3.00 seconds", WARM),
    "JSON with spaces in front": ("  " + as_json(), WARM),
    "second line": (TEXT + "\nEXTENSION Duration: 9 ms\tDuration: 8 ms", WARM),
    "JSON warm": (as_json(), WARM),
    "JSON init": (as_json(initDurationMs=341.62), changed(init_ms=341.62)),
    "JSON restore": (as_json(restoreDurationMs=501.2, billedRestoreDurationMs=502), changed(restore_ms=501.2)),
    "JSON timeout": (as_json({"status": "timeout"}), changed(status="timeout")),
    "JSON failure": (as_json({"status": "failure"}), changed(status="failure")),
    "JSON out of memory": (as_json({"status": "error", "errorType": "Runtime.OutOfMemory"}), changed(**OOM)),
    "JSON new status": (as_json({"status": "paused"}), changed(status="error")),
    "JSON extensions": (
        as_json({"spans": [{"name": "extensionOverhead", "start": "2026-11-30T08:00:00Z", "durationMs": 12.5}]}),
        WARM,
    ),
    "JSON tracing": (as_json({"tracing": {"spanId": "0a", "type": "X-Amzn-Trace-Id", "value": "Root=1-5e"}}), WARM),
    "JSON new fields": (as_json({"cost": 1}, producedBytes=7), WARM),
    "JSON minimal": (
        json.dumps({"type": "platform.report", "record": {"requestId": ID, "metrics": {"durationMs": 1}}}),
        LambdaReport(ID, 1.0, 1.0, 0, 0),
    ),
}
OTHERS = [
    "",
    f"START RequestId: {ID} Version: $LATEST",
    f"END RequestId: {ID}",
    "INIT_START Runtime Version: python:3.13.v20\tRuntime Version ARN: arn:aws:lambda:eu-central-1::runtime:0a",
    "INIT_REPORT Init Duration: 10008.75 ms\tPhase: init\tStatus: timeout",
    "RESTORE_REPORT Restore Duration: 55.10 ms",
    "EXTENSION\tName: collector\tState: Ready\tEvents: [INVOKE, SHUTDOWN]",
    "TELEMETRY\tName: collector\tState: Subscribed\tTypes: [Platform]",
    f"2026-11-30T08:00:00.000Z {ID} Task timed out after 3.00 seconds",
    f"RequestId: {ID} Error: Runtime exited with error: signal: killed\nRuntime.ExitError",
    "REPORT RequestId: nothing else",
    f"REPORT RequestId: {ID}\tBilled Duration: 3 ms",
    '{"message": "platform.report"}',
    '["platform.report"]',
    '{"type": "platform.report", "record": {"metrics": {"durationMs": "soon"}, "requestId": "1"}}',
    '{"type": "platform.report", "record": null}',
    '{"type": "platform.initReport", "record": {"metrics": {"durationMs": 3}, "of": "platform.report"}}',
    "platform.report {",
    # Lines of the function itself, which may hold what a caller sent.
    json.dumps({"level": "INFO", "message": TEXT}),
    '{"type": "platform.report", "record": ' + "[" * 100_000,
    '{"type": "platform.report", "record": {"requestId": "1", "metrics": {"durationMs": 1, "memorySizeMB": 1e999}}}',
    '{"type": "platform.report", "record": {"requestId": "1", "metrics": {"durationMs": ' + "9" * 5000 + "}}}",
    f"REPORT RequestId: {ID}\tDuration: {'9' * 400} ms",
    f"INIT_REPORT RequestId: {ID}\tDuration: 5 ms",
    "REPORT " + "Aa " * 80_000,
]
INITS = {
    "timeout": (
        "INIT_REPORT Init Duration: 9999.79 ms\tPhase: init\tStatus: timeout",
        InitReport(9999.79, "init", "timeout"),
    ),
    "again": (
        "INIT_REPORT Init Duration: 3004.47 ms\tPhase: invoke\tStatus: error\tError Type: Runtime.ExitError\n",
        InitReport(3004.47, "invoke", "error", "Runtime.ExitError"),
    ),
    "any order, spaces": (
        "INIT_REPORT Status: error Phase: invoke New: 1 Init Duration: 7 ms",
        InitReport(7.0, "invoke", "error"),
    ),
    "JSON": (
        json.dumps(
            {
                "type": "platform.initReport",
                "record": {
                    "initializationType": "on-demand",
                    "phase": "invoke",
                    "status": "timeout",
                    "metrics": {"durationMs": 9999.79},
                },
            }
        ),
        InitReport(9999.79, "invoke", "timeout"),
    ),
    "JSON minimal": (
        '{"type": "platform.initReport", "record": {"metrics": {"durationMs": 3}}}',
        InitReport(3.0, "init"),
    ),
}


@pytest.mark.parametrize(("line", "report"), LINES.values(), ids=LINES)
def test_line_is_read(line: str, report: LambdaReport) -> None:
    assert parse_report(line) == report


@pytest.mark.parametrize("line", OTHERS)
def test_other_line_is_no_report(line: str) -> None:
    assert parse_report(line) is None


@pytest.mark.parametrize(("line", "report"), INITS.values(), ids=INITS)
def test_init_of_its_own_line_is_read(line: str, report: InitReport) -> None:
    assert parse_init_report(line) == report
    assert parse_report(line) is None


@pytest.mark.parametrize(
    "line",
    [
        *[line for line, _ in LINES.values()],
        *[line for line in OTHERS if "Init Duration" not in line and "initReport" not in line],
        "INIT_REPORT Status: timeout",
        '{"type": "platform.initReport", "record": {"metrics": null}}',
        '{"type": "other", "record": {"metrics": {"durationMs": 3}}, "of": "platform.initReport"}',
    ],
)
def test_other_line_is_no_init_report(line: str) -> None:
    assert parse_init_report(line) is None


@given(st.text() | st.builds("{}REPORT RequestId: 0a\tDuration: {}".format, st.text(), st.text()))
def test_any_line_is_read_or_ignored(line: str) -> None:
    for text in (line, line + " platform.report", json.dumps({"type": "platform.report", "record": line})):
        report = parse_report(text)
        assert report is None or report.duration_ms >= 0


@pytest.mark.parametrize(
    ("report", "cold", "start_ms"),
    [
        (WARM, False, 0.0),
        (changed(init_ms=341.62), True, 341.62),
        (changed(restore_ms=500.0), True, 500.0),
        (changed(init_ms=0.0), True, 0.0),
    ],
)
def test_cold_start_waits_for_init_or_restore(report: LambdaReport, cold: bool, start_ms: float) -> None:
    assert (report.cold, report.start_ms) == (cold, start_ms)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (OOM, True),
        # Before Lambda named the error: the process was killed, and all memory was in use.
        ({"status": "error", "error_type": "Runtime.ExitError", "used_mb": 512}, True),
        ({"status": "error", "used_mb": 512}, True),
        ({"status": "error", "error_type": "ValueError", "used_mb": 512}, False),
        ({"used_mb": 512}, False),
        ({"status": "error", "error_type": "Runtime.ExitError"}, False),
        ({"status": "timeout", "used_mb": 512}, False),
    ],
)
def test_out_of_memory(fields: dict[str, Any], expected: bool) -> None:
    assert changed(**fields).out_of_memory is expected
