"""Bills equal AWS's own worked examples to the cent.

From aws.amazon.com/lambda/pricing and aws.amazon.com/fargate/pricing, in stored copies of 2026 (read 2026-11-30), for
US East (N. Virginia).
"""

import json
from pathlib import Path

import pytest

from org_common.tools.plan.prices import Prices, cents
from org_common.tools.project.project import ToolError

PRICES = Prices.load()
TELEMETRY = {"requests": 7.44e6, "duration_x86_64": 14.88e6}
EXAMPLES: dict[str, tuple[bool, dict[str, float], dict[str, float], float]] = {
    # Example 1: three million requests of 120 ms, 1536 MB.
    "mobile backend": (True, {"requests": 3e6, "duration_x86_64": 540_000}, {"requests": 0.40, "duration": 2.33}, 2.73),
    # Example 2: 10,000 vehicles, each hour of 31 days, two seconds, 1 GB.
    "telemetry": (False, TELEMETRY, {"requests": 1.49, "duration": 248.00}, 249.49),
    # Example 3: six million requests of 280 ms, 4096 MB, 2048 MB of storage.
    "support tickets": (
        True,
        {"requests": 6e6, "duration_x86_64": 6_720_000, "storage": 2_520_000},
        {"requests": 1.00, "duration": 105.33, "ephemeral storage": 0.08},
        106.41,
    ),
    # Provisioned concurrency, example 1: 100 for eight hours, 500,000 of three million requests in them.
    "application launch": (
        True,
        {
            "provisioned_x86_64": 4_320_000,
            "requests": 3e6,
            "provisioned_duration_x86_64": 75_000,
            "duration_x86_64": 450_000,
        },
        {
            "provisioned concurrency": 18.00,
            "requests": 0.40,
            "duration, provisioned": 0.73,
            "duration": 0.83,
        },
        19.96,
    ),
    # Provisioned concurrency, example 2: seven for a day, 4096 MB; nothing is free.
    "Cyber Monday": (
        False,
        {"provisioned_x86_64": 2_419_200, "provisioned_duration_x86_64": 2_240_000, "requests": 2e6},
        {"provisioned concurrency": 10.08, "duration, provisioned": 21.78, "requests": 0.40},
        32.26,
    ),
    # SnapStart: the telemetry, with 1 % restores of 1 GB and one version for 31 days.
    "telemetry with SnapStart": (
        False,
        {**TELEMETRY, "snapshot_cache": 2_678_400, "snapshot_restore": 74_400},
        {"requests": 1.49, "duration": 248.00, "snapshot cache": 4.03, "snapshot restores": 10.40},
        263.92,
    ),
    # Fargate, example 1: five tasks of 1 vCPU, 2 GB, 10 GB of storage above 20, ten minutes on 30 days.
    "Fargate on x86": (
        False,
        {"fargate_cpu_x86_64": 90_000, "fargate_memory_x86_64": 180_000, "fargate_storage": 900_000},
        {"Fargate, processors": 1.01, "Fargate, memory": 0.22, "Fargate, storage": 0.03},
        1.26,
    ),
    # Fargate, example 2: the same on ARM.
    "Fargate on ARM": (
        False,
        {"fargate_cpu_arm64": 90_000, "fargate_memory_arm64": 180_000, "fargate_storage": 900_000},
        {"Fargate, processors": 0.81, "Fargate, memory": 0.18, "Fargate, storage": 0.03},
        1.02,
    ),
    # Fargate, example 3: ten of 0.25 vCPU and 1 GB, an hour on 30 days.
    "Fargate, small": (
        False,
        {"fargate_cpu_x86_64": 270_000, "fargate_memory_x86_64": 1_080_000},
        {"Fargate, processors": 3.04, "Fargate, memory": 1.33},
        4.37,
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_bill_equals_the_example_of_aws(name: str) -> None:
    free, usage, lines, total = EXAMPLES[name]

    bill = PRICES.lines(usage, free=free)

    assert {line.name: round(line.amount, 2) for line in bill} == lines
    assert cents(bill) == total


def test_managed_instances_are_those_of_the_example_before_its_savings_plan() -> None:
    # 100 million requests, 2,000 hours of m7g.xlarge: the request and management lines of the example.
    bill = PRICES.lines({"requests": 100e6, "management": 2000, "instances": 2000})

    assert [round(line.amount, 2) for line in bill] == [20.00, 48.96, 326.40]


def test_first_requests_of_a_month_are_free() -> None:
    assert PRICES.lines({"requests": 900_000}, free=True)[0].amount == 0
    assert PRICES.lines({"requests": 900_000})[0].amount == pytest.approx(0.18)


def test_tiers() -> None:
    [line] = PRICES.lines({"duration_x86_64": 7e9})

    assert line.amount == pytest.approx(6e9 * 0.0000166667 + 1e9 * 0.000015)


def test_each_price_has_its_source_and_date() -> None:
    assert PRICES.read == "2026-11-30"
    assert all(meter["source"] in PRICES.sources for meter in PRICES.meters.values())


def test_own_prices_replace_those_of_the_package(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    meter = {"line": "requests", "unit": "request", "tiers": [[None, 0.5]], "source": "a quote"}
    file.write_text(json.dumps({"region": "eu-central-1", "read": "2027-01-01", "meters": {"requests": meter}}))

    prices = Prices.load(file)

    [line] = prices.lines({"requests": 3})
    assert (prices.region, prices.read, line.amount, line.source) == ("eu-central-1", "2027-01-01", 1.5, "a quote")
    assert prices.unit("proxy") == 0.015


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[]",
        '{"meters": []}',
        '{"meters": {"requests": {}}}',
        '{"meters": {"requests": {"tiers": []}}}',
        '{"meters": {"requests": {"line": "a", "unit": "b", "tiers": [[5, 1]]}}}',
        '{"meters": {"requests": {"line": "a", "unit": "b", "tiers": [[null, -1]]}}}',
        '{"meters": {"requests": {"tiers": [[null, 1]]}}}',
    ],
)
def test_damaged_prices_are_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "prices.json"
    file.write_text(text)

    with pytest.raises(ToolError, match=r"prices\.json"):
        Prices.load(file)
