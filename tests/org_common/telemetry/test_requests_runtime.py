"""What AWS's real runtime client makes of it: which requests are cold, and what a function leaves on its way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from org_common.events import http_api as gateway
from org_common.tools.runtime.environment import ON_DEMAND, PROVISIONED, SNAP_START, Environment, Function
from tests.support import emf

pytestmark = pytest.mark.runtime

SHOP = """
import logging

from org_common import PUBLIC, App
from org_common.events import http_api as gateway
from org_common.values.types import LocalContext

app = App("shop")


@app.get("/hello", allow=PUBLIC)
def hello() -> dict[str, str]:
    logging.getLogger("urllib3").info("token=hunter2")
    return {"say": "hello"}
"""
# Tried out before the snapshot, so that all of it is warm.
PRIMED = SHOP + 'app(gateway.event("GET", "/hello"), LocalContext("primed", 3))\n'
HELLO = gateway.event("GET", "/hello")


def function(folder: Path, source: str, **options: Any) -> Function:
    (folder / "shop.py").write_text(source)
    return Function("shop.app", [folder, Path(__file__).parents[2] / "src"], **options)


def lines(environment: Environment) -> list[dict[str, Any]]:
    return [json.loads(line) for line in environment.output().splitlines() if line.startswith("{")]


@pytest.mark.parametrize(("initialization", "cold"), [(ON_DEMAND, [True, False]), (PROVISIONED, [False, False])])
def test_first_request_is_cold_where_somebody_has_waited(tmp_path: Path, initialization: str, cold: list[bool]) -> None:
    with Environment(function(tmp_path, SHOP, initialization=initialization)) as environment:
        environment.invoke(HELLO)
        environment.invoke(HELLO)
        found = [line for line in lines(environment) if "status" in line]

    assert ["ColdStart" in emf.metrics(line) for line in found] == cold
    assert all("InitDuration" in line for line, is_cold in zip(found, cold, strict=True) if is_cold)


def test_ping_leaves_no_line_and_the_first_request_is_cold_still(tmp_path: Path) -> None:
    kept_warm = SHOP.replace('App("shop")', 'App("shop", events=(HTTP_API, KEEP_WARM))')
    kept_warm = kept_warm.replace("import PUBLIC, App", "import HTTP_API, KEEP_WARM, PUBLIC, App")
    with Environment(function(tmp_path, kept_warm)) as environment:
        for _ in range(2):
            environment.invoke({"source": "aws.events", "detail-type": "Scheduled Event"})
        assert lines(environment) == []
        environment.invoke(HELLO)
        [found] = [line for line in lines(environment) if "status" in line]

    assert found["status"] == 200
    assert "ColdStart" in emf.metrics(found)


def test_after_a_snapshot_the_first_request_is_cold_again(tmp_path: Path) -> None:
    with Environment(function(tmp_path, PRIMED, initialization=SNAP_START)) as environment:
        environment.restore()
        environment.invoke(HELLO)
        environment.invoke(HELLO)
        found = [line for line in lines(environment) if "status" in line and line["lambda_request_id"] != "primed"]

    assert [line.get("init_type") for line in found] == [SNAP_START, None]
    assert "InitDuration" not in found[0]


@pytest.mark.parametrize("variables", [{}, {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}])
def test_lines_of_others_go_the_same_way_masked(tmp_path: Path, variables: dict[str, str]) -> None:
    with Environment(function(tmp_path, SHOP, variables=variables)) as environment:
        environment.invoke(HELLO)
        [theirs, request] = lines(environment)
        printed = environment.output()

    assert (theirs["logger"], theirs["message"]) == ("urllib3", "token=***")
    assert theirs["lambda_request_id"] == request["lambda_request_id"]
    assert len(printed.splitlines()) == 2
