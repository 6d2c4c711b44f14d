"""One change of a manifest, and what the operator reads."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from org_common.tools.manifest import functions
from org_common.tools.manifest.changes import changes
from org_common.tools.manifest.settings import FunctionSettings
from tests.org_common.tools.manifest import depot

Json = dict[str, Any]


def manifest() -> Json:
    _, function = functions.of_app("depot:app", depot.app, FunctionSettings())
    return {
        "line": "1.0+a",
        "runtime": "python3.13",
        "architecture": "arm64",
        "layers": {"runtime": {"file": "runtime.zip", "sha256": "one"}},
        "functions": {"depot": {**copy.deepcopy(function), "zip": {"file": "depot.zip", "sha256": "one"}}},
    }


def read(change: Callable[[Json], None]) -> list[str]:
    old, new = manifest(), manifest()
    change(new)
    return [str(each) for each in changes(old, new)]


def put(value: Any, *path: Any) -> Callable[[Json], None]:
    """Set a value of the function, or of the document for a path that begins with None."""

    def change(document: Json) -> None:
        at: Any = document if path[0] is None else document["functions"]["depot"]
        for key in path[:-1]:
            at = at if key is None else at[key]
        at[path[-1]] = value

    return change


def drop(*path: Any) -> Callable[[Json], None]:
    def change(document: Json) -> None:
        at: Any = document["functions"]
        for key in path[:-1]:
            at = at[key]
        del at[path[-1]]

    return change


def add_route(document: Json) -> None:
    routes = document["functions"]["depot"]["routes"]
    routes.append({**routes[1], "key": "POST /items"})


def add_function(document: Json) -> None:
    _, other = functions.of_other("shop.authorizer:app", FunctionSettings(), is_authorizer=True)
    document["functions"]["authorizer"] = {**other, "zip": None}


PROVISIONED = {"min": 2, "max": 5, "utilization": 0.7, "schedules": {"morning": {}}}


@pytest.mark.parametrize(
    ("change", "lines"),
    [
        (lambda _: None, []),
        (put("python3.14", None, "runtime"), ["all functions: runtime python3.13 became python3.14"]),
        (put("1.0+b", None, "line"), ["all functions: line 1.0+a became 1.0+b"]),
        (put(None, None, "layers", "runtime"), ["all functions: the layer runtime changed"]),
        (add_route, ["depot: a new route, POST /items, allowed by SIGNED_IN"]),
        (
            drop("depot", "routes", 2),
            ["depot: the route GET /health was removed   [removed]"],
        ),
        (
            put("PUBLIC", "routes", 1, "rule"),
            ["depot: the route GET /items: rule SIGNED_IN became PUBLIC"],
        ),
        (
            put("app_sys", "routes", 1, "role"),
            ["depot: the route GET /items: runs as app_sys in place of authenticated   [wider role]"],
        ),
        (put(1024, "memory"), ["depot: memory 512 became 1024 MB"]),
        (put(True, "snapstart"), ["depot: snapstart was switched on"]),
        (put(PROVISIONED, "provisioned"), ["depot: provisioned concurrency none became 2 to 5 with morning"]),
        (put({"A": "b"}, "environment"), ["depot: the variable A changed"]),
        (
            put(["http_api", "function_url"], "events"),
            ["depot: accepts events of function_url"],
        ),
        (put(None, "zip"), ["depot: its code changed"]),
        (drop("depot", "queues", "parcels"), ["depot: the queue parcels was removed   [data]"]),
        (put(1, "queues", "parcels", "batch"), ["depot: the queue parcels: batch 10 became 1"]),
        (
            drop("depot", "schedules", "sweep"),
            ["depot: the schedule sweep was removed   [removed]"],
        ),
        (drop("depot", "bus_events", 0), ["depot: events Paid of acme.billing no longer invoke it   [removed]"]),
        (
            put(["depot/carrier", "depot/bank"], "needs", "secrets"),
            ["depot: may read the secret depot/bank   [wider role]"],
        ),
        (put([], "needs", "buckets"), ["depot: may no longer read and write the bucket invoices"]),
        (
            put(["arn:aws:kms:one"], "needs", "actions", "kms:Sign"),
            ["depot: may call kms:Sign on arn:aws:kms:one   [wider role]"],
        ),
        (
            put(["database", "service_database", "cursor_keys", "issuers"], "settings"),
            ["depot: verifies tokens"],
        ),
        (
            put(["database", "cursor_keys"], "settings"),
            ["depot: no longer reads the secret of the service login, which sees all organizations"],
        ),
        (
            add_function,
            ["authorizer: a new function, shop.authorizer.app", "authorizer: verifies tokens"],
        ),
        (put("app", "identity"), ["depot: identity authorizer became app   [public route]"]),
    ],
)
def test_change_is_described(change: Callable[[Json], None], lines: list[str]) -> None:
    assert read(change) == lines


def test_public_route_is_marked() -> None:
    old, new = manifest(), manifest()
    new["functions"]["depot"]["routes"][1] |= {"rule": "PUBLIC", "public": True}

    assert [str(change) for change in changes(old, new)] == [
        "depot: the route GET /items: rule SIGNED_IN became PUBLIC   [public route]"
    ]


def test_removed_function_names_its_data() -> None:
    found = read(drop("depot"))

    assert found[0] == "depot: the function was removed   [removed]"
    assert "depot: the queue parcels was removed   [data]" in found
