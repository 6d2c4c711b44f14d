"""The page is well-formed, shows what was read, and loads nothing."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

from org_common.telemetry.monitoring.function_monitor import FunctionHistory
from org_common.tools.monitor.page import SLOTS, page
from org_common.tools.monitor.snapshot import Activity
from tests.org_common.tools.monitor.test_snapshot import UNTIL, report
from tests.org_common.tools.monitor.test_terminal import ACTIVITY, ORDERS, SNAPSHOT

TEXT = page(SNAPSHOT)


def svgs(text: str) -> list[ET.Element]:
    return [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text)]


def test_each_function_that_ran_has_two_plots_and_the_database_one() -> None:
    assert [svg.get("aria-label") for svg in svgs(TEXT)] == [
        *["Calls over time, cold starts in orange", "95th percentile of the duration over time"] * 2,
        "Connections against the limit",
    ]
    assert re.findall(r"<h2>(.*?)</h2>", TEXT) == [
        "Functions",
        "access-orgs",
        "access-users",
        "Database",
        "Running statements",
    ]


def test_plots_show_every_call() -> None:
    calls, durations = svgs(TEXT)[:2]
    titles = [title.text or "" for title in calls.iter("title")]

    assert len(titles) == SLOTS
    assert sum(int(title.split()[0]) for title in titles) == len(ORDERS.reports)
    assert sum(int(title.split(", ")[1].split()[0]) for title in titles) == 1
    assert len([*durations.iter("circle")]) == len([title for title in titles if not title.startswith("0 ")])


def test_page_loads_nothing_and_runs_no_script() -> None:
    assert "default-src 'none'" in TEXT
    assert re.findall(r"(?:https?:)?//|<script|<link|<img|@import|url\(", TEXT) == []


def test_names_and_statements_are_escaped() -> None:
    evil = "<script>alert(1)</script>"
    activity = Activity(97, 96, [(evil, 1, 0, 0)], [(evil, 1, evil, evil)])
    history = FunctionHistory(evil, [(UNTIL, report(1.0))])

    text = page(replace(SNAPSHOT, histories=[history], activity=activity))

    assert "<script" not in text
    assert text.count("&lt;script&gt;") == 6


def test_only_the_database() -> None:
    text = page(replace(SNAPSHOT, histories=[], activity=ACTIVITY))

    assert re.findall(r"<h2>(.*?)</h2>", text) == ["Database", "Running statements"]
