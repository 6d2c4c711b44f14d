from xml.etree.ElementTree import Element, fromstring

from org_common.tools.layer import charts
from org_common.tools.layer.settings import Budget
from org_common.tools.layer.sizes import Row, Size
from org_common.tools.runtime.imports import Import

NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(svg: str, tag: str) -> list[Element]:
    return list(fromstring(svg).iter(NAMESPACE + tag))


def test_treemap_reports_each_files_size() -> None:
    svg = charts.treemap([("psycopg/a&b.py", Size(500, 3000)), ("orjson/orjson.so", Size(900, 9000))])

    titles = [title.text for title in drawn(svg, "title")]
    assert "psycopg/a&b.py: 3.0 KB, 0.5 zipped" in titles
    assert "orjson: 0.01 MB in 1 files" in titles


def test_bar_over_its_budget_has_another_colour() -> None:
    svg = charts.bars([Row("runtime", Size(8_000_000, 40_000_000), None, Budget(9_000_000, 30_000_000))])

    colours = [rect.get("fill") for rect in drawn(svg, "rect")]
    assert (colours.count(charts.GOOD), colours.count(charts.BAD)) == (1, 1)
    assert "40.00 of 30 MB, 133%" in [text.text for text in drawn(svg, "text")]


def test_waterfall_puts_imports_one_after_the_other() -> None:
    roots = [Import("re", 4000, 4000), Import("shop.orders", 1000, 6000, [Import("psycopg", 5000, 5000)])]

    svg = charts.waterfall(roots, frozenset({"re"}), frozenset({"shop"}))

    titles = [title.text for title in drawn(svg, "title")]
    assert titles == [
        "re: 4.0 ms, 4.0 its own",
        "shop.orders: 6.0 ms, 1.0 its own",
        "psycopg: 5.0 ms, 5.0 its own",
    ]
    colours = [rect.get("fill") for rect in drawn(svg, "rect")]
    assert {charts.STANDARD, charts.FUNCTION, charts.COLOURS["psycopg"]} <= set(colours)


def test_legend_explains_the_colours_that_are_used() -> None:
    assert "psycopg" in charts.legend(["psycopg", "typing_extensions"])
    assert "cryptography" not in charts.legend(["psycopg"])
