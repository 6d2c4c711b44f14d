"""The page is looked at in a real browser."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from org_common.tools.layer import report
from tests.org_common.tools.layer.conftest import Whole

pytestmark = [pytest.mark.browser, pytest.mark.runtime, pytest.mark.wheel]

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture(scope="module")
def written(whole: Whole, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    out = tmp_path_factory.mktemp("report")
    return report.write(whole.settings, whole.target, whole.layers, whole.functions[:1], out)


@pytest.fixture(scope="module")
def page(written: list[Path]) -> Iterator[Page]:
    if not Path(CHROMIUM).exists():
        pytest.skip("there is no chromium: apt install chromium")
    options = [*report.QUIET, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=options)
        try:
            context = browser.new_context(viewport={"width": 1240, "height": 900}, offline=True)
            shown = context.new_page()
            shown.goto(written[0].as_uri())
            yield shown
        finally:
            browser.close()


def test_page_shows_budgets_treemap_and_waterfall(page: Page, whole: Whole) -> None:
    assert page.locator("svg").count() == 3
    assert page.locator("h2", has_text=whole.functions[0].name).is_visible()
    assert page.locator("svg text", has_text="psycopg_binary").first.is_visible()


def test_boxes_of_the_treemap_have_the_size_of_their_packages(page: Page) -> None:
    areas = page.evaluate(
        """() => [...document.querySelectorAll('svg[aria-label^="Size of"] > g')]
            .filter(g => g.querySelector('title').textContent.includes(' files'))
            .map(g => [g.querySelector('title').textContent, g.querySelector('rect').getBoundingClientRect()])
            .map(([title, box]) => [parseFloat(title.split(': ')[1]), box.width * box.height])"""
    )

    biggest = max(areas)
    for megabytes, area in areas:
        if megabytes > 0.5:
            assert area / biggest[1] == pytest.approx(megabytes / biggest[0], rel=0.1)


def test_nothing_is_wider_than_the_page(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_labels_stay_in_their_boxes(page: Page) -> None:
    outside = page.evaluate(
        """() => { const svg = document.querySelector('svg[aria-label^="Size of"]').getBoundingClientRect();
            return [...document.querySelectorAll('svg[aria-label^="Size of"] text')]
              .filter(text => text.getBoundingClientRect().right > svg.right + 2).map(text => text.textContent); }"""
    )

    assert outside == []


def test_waterfall_has_the_driver_and_the_handler(page: Page) -> None:
    titles = page.evaluate(
        """() => [...document.querySelectorAll('svg[aria-label^="Imports"] title')].map(each => each.textContent)"""
    )

    assert any(title.startswith("psycopg") for title in titles)
    assert any("cora_modules" in title for title in titles)


def test_page_needs_nothing_from_outside(written: list[Path]) -> None:
    text = written[0].read_text().replace("http://www.w3.org/2000/svg", "")

    assert "http://" not in text
    assert "https://" not in text
    assert "src=" not in text


def test_pictures_lie_beside_the_page(written: list[Path], whole: Whole) -> None:
    names = {path.name for path in written}

    assert {"layer.html", "layer-treemap.svg", "layer-budgets.svg"} < names
    assert f"layer-imports-{whole.functions[0].name}.svg" in names


@pytest.mark.skipif(not Path(CHROMIUM).exists() or sys.platform != "linux", reason="there is no chromium")
def test_page_is_a_picture_as_well(written: list[Path]) -> None:
    [picture] = [path for path in written if path.suffix == ".png"]

    assert picture.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(picture.read_bytes()[16:20], "big") == 1240
