"""The schema of docs/guides/isolation.md with many rows: 5 for each of 1,000 tenants."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from org_common.tools.check.planner import Planner, open_planner
from org_common.tools.cost.replay import Replay
from org_common.tools.cost.report import Report
from org_common.tools.cost.run import run
from org_common.tools.cost.statements import Statements, find
from org_common.tools.project.apps import load
from org_common.tools.prove.declaration import Declaration
from tests.org_common.tools.check.conftest import Shop
from tests.org_common.tools.prove.conftest import declared, shop, shop_url

__all__ = ["declared", "shop", "shop_url"]
ROWS, PER_TENANT = 5_000, 5
Measured = Callable[..., Report]


@pytest.fixture
def measured(shop: psycopg.Connection, declared: Callable[..., Declaration]) -> Measured:
    """Measures the schema of the page after some SQL, with more entries."""

    def measure_after(change: str = "", *more: str) -> Report:
        if change:
            shop.execute(change.encode())
        return run(shop, declared(*more), ROWS, per_tenant=PER_TENANT)

    return measure_after


CODE = """
class Order(Model):
    id: UUID
    number: int

@app.post("/teams/{{team_id}}/orders/{{order_id}}", allow=SIGNED_IN)
def handler(tx: Transaction, team_id: UUID, order_id: UUID, note: str, wanted: list[int]) -> None:
    {}
"""
Found = Callable[..., Statements]
Replayed = Callable[..., list[Replay]]


@pytest.fixture
def planner(shop_url: str) -> Iterator[Planner]:
    with open_planner(shop_url) as planner:
        yield planner


@pytest.fixture
def found(tmp_path: Path, planner: Planner, monkeypatch: pytest.MonkeyPatch) -> Iterator[Found]:
    """The statements of a handler of an app of the shop's."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    code = Shop(tmp_path, planner)

    def find_in(*lines: str) -> Statements:
        project = code.project(CODE.format("\n    ".join(lines)))
        return find(project, load(project), planner)

    yield find_in
    code.unload()


@pytest.fixture
def replayed(shop: psycopg.Connection, declared: Callable[..., Declaration], found: Found) -> Replayed:
    """Measures the statements of a handler after some SQL."""

    def replay_after(line: str, change: str = "") -> list[Replay]:
        statements = found(line)
        if change:
            shop.execute(change.encode())
        return [*run(shop, declared(), ROWS, per_tenant=PER_TENANT, statements=statements).replays]

    return replay_after
