"""Everything that is refused, as one change of a manifest that is accepted."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from org_common.tools.manifest import functions
from org_common.tools.manifest.refusals import refusals
from org_common.tools.manifest.settings import FunctionSettings
from tests.org_common.tools.manifest import depot

Json = dict[str, Any]


def accepted() -> Json:
    settings = FunctionSettings(resources={"*": ("arn:aws:one",)})
    _, depot_function = functions.of_app("depot:app", depot.app, settings)
    _, authorizer = functions.of_other("authorizer:app", FunctionSettings(), is_authorizer=True)
    return {
        "runtime": "python3.13",
        "layers": {"runtime": None, "auth": None},
        "functions": {"depot": copy.deepcopy(depot_function), "authorizer": authorizer},
    }


def test_manifest_is_accepted() -> None:
    assert refusals(accepted()) == []


def of_depot(**changed: Any) -> Callable[[Json], None]:
    return lambda manifest: manifest["functions"]["depot"].update(changed)


def provisioned(**changed: Any) -> Callable[[Json], None]:
    return of_depot(provisioned={"min": 2, "max": 5, "utilization": 0.7, "schedules": {}, **changed})


def scheduled(expression: str = "rate(1 day)", timezone: str = "UTC", name: str = "sweep") -> Callable[[Json], None]:
    return of_depot(schedules={name: {"expression": expression, "timezone": timezone}})


def queue(name: str = "parcels", **changed: Any) -> Callable[[Json], None]:
    options = {"fifo": False, "batch": 10, "concurrency": 5, "receives": 5, **changed}
    return of_depot(queues={name: options})


def renamed(name: str) -> Callable[[Json], None]:
    def change(manifest: Json) -> None:
        manifest["functions"][name] = manifest["functions"].pop("depot")

    return change


def twice(function: str, key: str) -> Callable[[Json], None]:
    """A second function, with one key of `depot`."""

    def change(manifest: Json) -> None:
        _, other = functions.of_other("b:app", FunctionSettings(), is_authorizer=function == "authorizer")
        source = manifest["functions"]["depot"]
        manifest["functions"]["second"] = {**other, key: copy.deepcopy(source[key]), "events": source["events"]}

    return change


def actions(**changed: list[str]) -> Callable[[Json], None]:
    def change(manifest: Json) -> None:
        manifest["functions"]["depot"]["needs"]["actions"] = {
            name.replace("_", ":", 1).replace("ALL", "*"): resources for name, resources in changed.items()
        }

    return change


def snapstart_on(runtime: str) -> Callable[[Json], None]:
    def change(manifest: Json) -> None:
        manifest["runtime"] = runtime
        manifest["functions"]["depot"]["snapstart"] = True

    return change


def both_starts(manifest: Json) -> None:
    of_depot(snapstart=True)(manifest)
    provisioned()(manifest)


def reserved(number: int, change: Callable[[Json], None]) -> Callable[[Json], None]:
    def changes(manifest: Json) -> None:
        of_depot(reserved=number)(manifest)
        change(manifest)

    return changes


def without_authorizer(manifest: Json) -> None:
    del manifest["functions"]["authorizer"]


def same_route(manifest: Json) -> None:
    twice("other", "routes")(manifest)
    manifest["functions"]["second"]["routes"] = [
        {**manifest["functions"]["depot"]["routes"][0], "key": "GET /items/{id}"}
    ]


def many_routes(manifest: Json) -> None:
    routes = manifest["functions"]["depot"]["routes"]
    routes += [{**routes[0], "key": f"GET /items/{number}"} for number in range(300)]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (renamed("d" * 53), "the name has up to 52 letters"),
        (renamed("de.pot"), "the name has up to 52 letters"),
        (of_depot(memory=64), "memory = 64 is outside of Lambda's range, 128 to 10240 megabytes"),
        (of_depot(timeout=901), "timeout = 901 is outside"),
        (of_depot(timeout=30), "an HTTP API responds 503 after 30 seconds"),
        (of_depot(log_retention=15), "log_retention = 15 is not one of 1, 3, 5"),
        (of_depot(reserved=0), "reserved = 0 would stop the function"),
        (of_depot(settings=["databse"]), "settings: 'databse' is not one of database"),
        (of_depot(environment={"SMTP_PASSWORD": "Sommer/2026&co"}), "environment.SMTP_PASSWORD holds a secret"),
        (of_depot(layers=["parsers"]), "layers: 'parsers' is not one of runtime, auth"),
        (of_depot(layers=["runtime"] * 5), "layers has 5 layers"),
        (snapstart_on("python3.11"), "python3.11 has no SnapStart"),
        (both_starts, "snapstart and provisioned exclude each other"),
        (provisioned(min=6), r"min = 6 and max = 5: expected 1 <= min <= max"),
        (provisioned(min=0), r"min = 0 and max = 5: expected 1 <= min <= max"),
        (provisioned(utilization=1.0), "provisioned.utilization = 1.0 is outside of 0.1 to 0.9"),
        (
            provisioned(schedules={"noon": {"at": "noon", "timezone": "UTC", "min": 1, "max": 1}}),
            "provisioned.schedules.noon: 'noon' is not a schedule",
        ),
        (
            provisioned(schedules={"noon": {"at": "rate(1 day)", "timezone": "UTC", "min": 3, "max": 1}}),
            "provisioned.schedules.noon: min = 3 and max = 1",
        ),
        (reserved(4, provisioned()), "provisioned: max = 5 is more than reserved = 4"),
        (scheduled("every morning"), "schedule sweep: 'every morning' is not a schedule"),
        (scheduled("cron(0 3 * * *)"), "it has 5 fields"),
        (scheduled(timezone="Europe/Nowhere"), "'Europe/Nowhere' is not a time zone"),
        (scheduled(name="at dawn"), "schedule at dawn: the name has up to 64"),
        (actions(kms_ALL=["arn:aws:kms:one"]), r"kms:\* is a pattern: name each action"),
        (actions(kms_Sign=[]), "kms:Sign would be allowed on every resource"),
        (actions(kms_Sign=["*"]), "resources.kms:Sign allows every resource"),
        (same_route, r"depot \(GET /items/\{itemId\}\) and second \(GET /items/\{id\}\) are the same route"),
        (many_routes, "the API has 303 routes, AWS's quota is 300"),
        (without_authorizer, "depot: their routes need an authorizer, and the project has none"),
        (twice("authorizer", "queues"), "authorizer and second are both authorizers"),
        (twice("other", "queues"), "depot and second both take the messages of parcels"),
        (queue(concurrency=1), "queue parcels: concurrency = 1 is outside of Lambda's range, 2 to 1000"),
        (queue(batch=11), "batch = 11 is outside of 1 to 10"),
        (queue(receives=0), "receives = 0 is outside of SQS's range"),
        (queue("par.cels"), "queue par.cels: the name has up to 60"),
        (reserved(3, queue()), "queue parcels: concurrency = 5 is more than reserved = 3"),
    ],
)
def test_refused_with_a_reason(change: Callable[[Json], None], words: str) -> None:
    manifest = accepted()
    change(manifest)

    assert re.search(words, "\n".join(refusals(manifest)))
