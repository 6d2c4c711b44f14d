import tomllib
from typing import Any

import pytest

from org_common.tools.doctor.budget import Pooler, Server
from org_common.tools.plan import connections
from org_common.tools.plan.connections import Limits, Use


def function(reserved: int | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "type": "app",
        "settings": ["database"],
        "reserved": reserved,
        "routes": [{"key": "GET /orgs"}],
        "queues": {},
        "schedules": {},
        "buckets": {},
        "bus_events": [],
        **fields,
    }


def manifest(**functions: dict[str, Any]) -> dict[str, Any]:
    return {"functions": functions}


QUEUE: dict[str, Any] = {"routes": [], "queues": {"jobs": {"concurrency": 5}}}


def found(document: dict[str, Any], **options: int) -> list[tuple[str, int]]:
    return [(use.function, use.most) for use in connections.uses(document, 1000, **options)]


def test_reserved_environments_are_the_most() -> None:
    assert found(manifest(orgs=function(20), users=function(30))) == [("users", 30), ("orgs", 20)]


def test_functions_without_reserved_share_the_rest_of_the_account() -> None:
    document = manifest(orgs=function(20), users=function(), chats=function(), auth=function(80, settings=[]))

    assert found(document) == [("2 without reserved", 900), ("orgs", 20)]


def test_queues_limit_what_only_they_invoke() -> None:
    assert found(manifest(ingest=function(**QUEUE))) == [("ingest", 5)]
    assert found(manifest(ingest=function(**QUEUE, schedules={"nightly": {}}))) == [("ingest", 6)]
    assert found(manifest(ingest=function(**{**QUEUE, "bus_events": [{}]}))) == [("1 without reserved", 1000)]
    assert found(manifest(ingest=function(**QUEUE, buckets={"b": {"queue": None}}))) == [("1 without reserved", 1000)]


def test_processes_and_connections_multiply() -> None:
    assert found(manifest(orgs=function(20)), processes=16, connections=2) == [("orgs", 640)]


def test_pooler_accepts_its_clients() -> None:
    uses = [Use("orgs", 120, "reserved", 1)]

    assert connections.excess(uses, Limits(Server(100))) == 28
    assert connections.excess(uses, Limits(Server(100), Pooler(200, 20))) == 0
    assert connections.pool_excess(Limits(Server(100), Pooler(200, 95))) == 3


def test_rds_default_of_max_connections() -> None:
    assert connections.rds_max_connections(2) == 225
    assert connections.rds_max_connections(512) == 5000


def fitted(uses: list[Use], limits: Limits) -> int:
    """The connections after the change, as written into pyproject.toml."""
    change = connections.smallest_change(uses, limits)
    tables = tomllib.loads(change.patch)["tool"]["org-common"]["functions"]
    most = 0
    for use in uses:
        for name in use.shared or (use.function,):
            most += tables[name]["reserved"] * use.each if name in tables else use.most
    return most


@pytest.mark.parametrize(
    ("uses", "changed"),
    [
        ([Use("orgs", 80, "reserved", 1), Use("users", 20, "reserved", 1)], {"orgs": 72}),
        ([Use("3 without", 1000, "rest", 1, ("a", "b", "c"))], {"a": 30, "b": 30, "c": 30}),
        ([Use("orgs", 50, "reserved", 2), Use("users", 3, "reserved", 2)], {"orgs": 43}),
        ([Use(name, 60, "reserved", 1) for name in "abcd"], dict.fromkeys("abcd", 23)),
        (
            [Use("2 without", 900, "rest", 1, ("a", "b")), Use("c", 91, "reserved", 1), Use("d", 9, "reserved", 1)],
            {"a": 27, "b": 27, "c": 27},
        ),
    ],
)
def test_smallest_change_fits(uses: list[Use], changed: dict[str, int]) -> None:
    limits = Limits(Server(100))

    assert connections.excess(uses, limits) > 0
    assert connections.smallest_change(uses, limits).settings == changed
    assert fitted(uses, limits) <= limits.accepted


def test_too_many_functions_need_a_pooler() -> None:
    uses = [Use("120 without reserved", 1000, "rest", 1, tuple(f"f{n}" for n in range(120)))]

    change = connections.smallest_change(uses, Limits(Server(100)))

    assert change.settings == {}
    assert change.text.startswith(
        "put a transaction pooler in front, with room for 1000 clients; one connection of each"
    )


def test_pooler_itself_is_changed() -> None:
    uses = [Use("orgs", 120, "reserved", 1)]

    assert connections.smallest_change(uses, Limits(Server(100), Pooler(100, 20))).text == (
        "set the pooler's limit of clients to 120, from 100"
    )
    assert connections.smallest_change(uses, Limits(Server(100), Pooler(200, 95))).text == (
        "set the pooler's pool size to 92, from 95"
    )


def test_lines_say_who_opens_how_many() -> None:
    uses = [Use("orgs", 80, "reserved", 1), Use("ingest", 5, "queues and schedules", 2)]

    assert [*connections.lines(uses, Limits(Server(80)))] == [
        "orgs       80 x 1 =    80   reserved",
        "ingest      5 x 2 =    10   queues and schedules",
        "together                 90   PostgreSQL accepts 72: 18 too many",
        "PostgreSQL: 80 max_connections - 3 reserved - 5 for other clients",
    ]
    assert [*connections.lines(uses, Limits(Server(80), Pooler(200, 20)))][-1] == (
        "the pooler opens 20 connections, PostgreSQL has room for 72: fits"
    )


def test_function_names_that_need_quotes_are_quoted() -> None:
    assert '"shop.a:b"' in connections.Change("", {"shop.a:b": 1}).patch
