import json
import re
from xml.etree import ElementTree as ET

from org_common.tools.plan.prices import Prices
from org_common.tools.tune import report
from org_common.tools.tune.advice import advise
from tests.org_common.tools.tune.conftest import reports

PRICES = Prices.load()
ADVICE = advise([*reports(512, 400), *reports(1024, 190), *reports(2048, 140, 20)], PRICES, "x86_64")


def test_lines_have_each_size_a_chart_and_the_choice() -> None:
    lines = [*report.lines(ADVICE, PRICES)]

    assert lines[0].split() == [
        *("memory", "warm", "cold", "failed", "mean", "ms", "p95", "ms", "used", "MB", "USD", "a", "million"),
    ]
    assert re.match(r"512 MB +200 +0 +0 +\d+\.\d \(\d+\.\d-\d+\.\d\)", lines[1])
    assert "cost ██████" in lines[5]
    assert "2048 MB is not compared: 20 warm invocations are too few: 30 or more are needed" in lines
    assert any(line.startswith("balanced: 1024 MB (than 512 MB") for line in lines)


def test_no_choice_is_said() -> None:
    assert [*report.lines(advise(reports(512, 100), PRICES, "arm64"), PRICES)][-1].startswith("no recommendation: two")
    assert [*report.lines(advise([], PRICES, "arm64"), PRICES)] == ["no memory sizes were measured"]


def test_json_has_intervals() -> None:
    document = json.loads(json.dumps(report.document(ADVICE)))

    first = document["sizes"][0]
    assert first["mean_ms"]["low"] < first["mean_ms"]["value"] < first["mean_ms"]["high"]
    assert document["chosen"]["cheapest"] == 1024


def test_page_is_self_contained_and_its_chart_valid() -> None:
    text = report.page(ADVICE, PRICES)

    assert "<h1>Memory</h1>" in text
    assert not re.search(r"<script|<link|src=|@import|url\(", text)
    [chart] = re.findall(r"<svg.*?</svg>", text)
    assert len(list(ET.fromstring(chart).iter("circle"))) == 6
    assert report.chart(advise([], PRICES, "arm64")) == ""
