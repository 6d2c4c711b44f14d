import re
from xml.etree import ElementTree as ET

from org_common.tools.plan import choice
from org_common.tools.plan.choice import Goals
from org_common.tools.plan.page import page
from org_common.tools.plan.prices import Prices
from tests.org_common.tools.plan.conftest import MakeWorkload

PRICES = Prices.load()


def test_page_is_self_contained_and_the_same_for_the_same_plan(workload: MakeWorkload) -> None:
    text, again = (page(choice.plan(workload(rate=1, hours=1), PRICES, Goals()), PRICES) for _ in range(2))

    assert text == again
    assert "default-src 'none'" in text
    assert not re.search(r"<script|<link|src=|@import|url\(", text)


def test_each_drawing_is_valid_and_within_its_box(workload: MakeWorkload) -> None:
    text = page(choice.plan(workload(rate=1, hours=1, burst=5), PRICES, Goals()), PRICES)

    drawings = [ET.fromstring(found) for found in re.findall(r"<svg.*?</svg>", text)]
    plots = [drawing for drawing in drawings if drawing.get("role") == "img"]
    # Costs, times, cold starts, connections, and each option over time.
    assert len(plots) == 4 + 6
    for plot in plots:
        for box in plot.iter("rect"):
            assert 0 <= float(box.get("x", "")) <= 1120
            assert float(box.get("width", "")) >= 0


def test_options_of_the_table_are_escaped(workload: MakeWorkload) -> None:
    made = choice.plan(workload(rate=1, hours=1), PRICES, Goals())
    prices = Prices("<b>", PRICES.currency, PRICES.read, PRICES.meters, PRICES.sources)

    assert "<b>, read" not in page(made, prices)
