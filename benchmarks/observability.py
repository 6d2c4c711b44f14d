"""The cost of logs and metrics at a cold start and per log line, compared with Powertools' Logger and Metrics."""

import json
import os
import sys

import harness

# Loaded in every function: Lambda's runtime client and the app.
THERE_ALREADY = """
import os, awslambdaric.bootstrap, org_common.app
os.environ |= {"ORG_COMMON_LOG_FORM": "json", "POWERTOOLS_SERVICE_NAME": "shop", "POWERTOOLS_METRICS_NAMESPACE": "shop"}
"""
OURS, PEER = "ours: logs, metrics, trace ids", "Powertools: Logger, Metrics"
SET_UP = {
    OURS: "from org_common.telemetry.requests import observe\nobserve()",
    PEER: "from aws_lambda_powertools import Logger, Metrics\nLogger(), Metrics()",
}
LINES = 1000


def child() -> None:
    """Measure a log line with two fields, from the call to the write."""
    from aws_lambda_powertools import Logger

    from org_common.telemetry.log import configure, get_logger

    results, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: PTH123, SIM115 - until the process ends
    peer, ours = Logger(service="shop"), get_logger("bench")
    configure()
    extra = {"order_id": "0198a000-0000-7000-8000-000000000001", "total": 12.5}

    def write_ours() -> None:
        for at in range(LINES):
            ours.info("order %d placed", at, extra=extra)

    def write_peer() -> None:
        for at in range(LINES):
            peer.info("order %d placed", at, extra=extra)

    times = harness.blocks({"ours, masked": write_ours, "Powertools": write_peer}, iterations=1)
    sys.stdout = results
    print(json.dumps({name: [seconds / LINES for seconds in took] for name, took in times.items()}))


def main() -> None:
    runs = harness.imports(SET_UP, before=THERE_ALREADY)
    harness.report("Import and setup", runs, [harness.Ratio("ours / Powertools", OURS, PEER, 0.1)])
    lines = harness.in_fresh_processes(__file__)
    harness.report("A log line", lines, [harness.Ratio("ours / Powertools", "ours, masked", "Powertools", 1)])


if __name__ == "__main__":
    child() if "child" in sys.argv else main()
