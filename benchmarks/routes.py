"""Finding a route in a table of ten and of two hundred."""

import json
import sys
from collections.abc import Callable

import harness

from org_common.http.routing import Table

ITERATIONS = 2000
RESOURCES = ("orgs", "users", "files", "notes", "tags", "teams", "plans", "keys", "logs", "jobs")


def table(routes: int) -> Table[int]:
    """The table of an app with that many routes: collections and their items, two levels deep."""
    result: Table[int] = Table()
    for index in range(routes):
        resource, number = RESOURCES[index % len(RESOURCES)], index // len(RESOURCES)
        result.add("GET", f"/{resource}/{{id}}/part{number}/{{part_id}}", index)
    return result


def look_up(routes: Table[int]) -> Callable[[], object]:
    paths = [f"/{resource}/0198a000/part0/7" for resource in RESOURCES]

    def look() -> None:
        for path in paths:
            routes.match("GET", path)

    return look


def child() -> None:
    variants = {f"{routes} routes": look_up(table(routes)) for routes in (10, 200)}
    times = harness.blocks(variants, iterations=ITERATIONS)
    print(json.dumps({name: [seconds / len(RESOURCES) for seconds in took] for name, took in times.items()}))


def main() -> None:
    runs = harness.in_fresh_processes(__file__)
    harness.report("Finding a route", runs, [harness.Ratio("200 routes / 10", "200 routes", "10 routes", 1.1)])


if __name__ == "__main__":
    child() if "child" in sys.argv else main()
