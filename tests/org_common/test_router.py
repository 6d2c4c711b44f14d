"""Routes of several files in one app."""

from typing import Any, cast

import pytest

from org_common import KEEP_WARM, PUBLIC, App, AsService, NotFound, Record, Request, Router, S3Object
from org_common.events.http_api import HTTP_API
from org_common.handlers.override import Override
from org_common.testing.client import Client
from org_common.testing.records import bus_event, s3_event, schedule_event


class Clock:
    def __init__(self, now: str) -> None:
        self.now = now


def make_clock(request: Request) -> Clock:
    return Clock(f"real, for {request.method}")


def handler() -> str:
    return "here"


def member(org_id: str, name: str) -> list[str]:
    return [org_id, name]


def tell(clock: Clock) -> str:
    return clock.now


def split() -> App:
    members = Router("/orgs/{org_id}/members")
    members.get("/{name}", allow=PUBLIC)(member)
    root = Router()
    root.get("/health", allow=PUBLIC)(handler)
    app = App("split")
    app.include(members, root)
    return app


def test_routes_of_a_router_stand_under_its_prefix() -> None:
    app = split()

    assert Client(app).get("/orgs/acme/members/alice").json() == ["acme", "alice"]
    assert Client(app).get("/health").json() == "here"
    assert [route.path for route in app.routes] == ["/orgs/{org_id}/members/{name}", "/health"]


def test_empty_path_is_the_prefix_itself() -> None:
    router = Router("/orgs")
    router.get("", allow=PUBLIC)(handler)
    app = App("split")
    app.include(router)

    assert (Client(app).get("/orgs").status, Client(app).get("/orgs/").status) == (200, 404)


def test_handler_is_still_a_function() -> None:
    assert Router().get("/a", allow=PUBLIC)(handler) is handler


@pytest.mark.parametrize("prefix", ["orgs", "/orgs/", "/"])
def test_wrong_prefix_does_not_start(prefix: str) -> None:
    with pytest.raises(TypeError, match=r"the prefix .* Example: \"/orgs\""):
        Router(prefix)


def test_route_that_is_there_twice_does_not_start() -> None:
    router, app = Router("/a"), App("twice")
    router.get("/b", allow=PUBLIC)(handler)
    app.get("/a/b", allow=PUBLIC)(handler)

    with pytest.raises(TypeError, match="GET /a/b is declared twice"):
        router.get("/b", allow=PUBLIC)(handler)
    with pytest.raises(TypeError, match="GET /a/b is declared twice"):
        app.include(router)


def test_route_that_comes_after_include_does_not_start() -> None:
    router, app = Router("/a"), App("late")
    app.include(router)

    with pytest.raises(
        TypeError, match=r"GET /a/b is declared too late: App\('late', 0 routes\) includes this router already"
    ):
        router.get("/b", allow=PUBLIC)(handler)


# --- triggers --------------------------------------------------------------------------------

SERVICE = AsService("a test")


def declare_triggers(router: Router, seen: list[str]) -> None:
    @router.sqs("bounces", outside=True, allow=SERVICE)
    def bounced(record: Record) -> None:
        seen.append(f"bounce {record.body}")

    @router.s3("uploads", allow=SERVICE)
    def uploaded(found: S3Object) -> None:
        seen.append(f"upload {found.key}")

    @router.event(source="shop.orders", detail_type="Order Placed", allow=SERVICE)
    def placed(record: Record) -> None:
        seen.append(f"order {record.body}")

    @router.schedule("rate(1 day)", allow=SERVICE)
    def purge() -> None:
        seen.append("purge")


def test_triggers_of_a_router_are_the_apps() -> None:
    router, app, seen = Router("/mail"), App("mail"), list[str]()
    declare_triggers(router, seen)
    app.include(router)
    client = Client(app)

    assert client.deliver_record("bounces", {"n": 1}).handled == 1
    client.invoke(s3_event("uploads", "a b"))
    client.invoke(bus_event("shop.orders", "Order Placed", {"n": 2}))
    client.invoke(schedule_event("purge"))

    assert seen == ['bounce {"n":1}', "upload a b", 'order {"n":2}', "purge"]
    expected = [("SQS", "bounces"), ("S3", "uploads"), ("EVENT", "Order Placed"), ("SCHEDULE", "purge")]
    assert [(trigger.kind, trigger.name) for trigger in app.triggers] == expected
    assert [(trigger.kind, trigger.name) for trigger in router.triggers] == expected


def test_router_with_triggers_in_two_apps_is_a_part_of_each() -> None:
    """Each app handles a message once, so each claims it under its own name."""
    router, seen = Router(), list[str]()
    declare_triggers(router, seen)
    apps = [App("one"), App("two")]
    for app in apps:
        app.include(router)
        Client(app).deliver_record("bounces", {})

    assert seen == ["bounce {}"] * 2
    assert [app.triggers[0]._consumer for app in apps] == ["one SQS bounces", "two SQS bounces"]


def test_trigger_that_is_there_twice_does_not_start() -> None:
    router, app = Router(), App("twice")
    declare_triggers(router, [])
    app.schedule("rate(1 day)", name="other", allow=SERVICE)(lambda: None)
    app.sqs("bounces", outside=True, allow=SERVICE)(lambda: None)

    with pytest.raises(TypeError, match="SQS bounces is declared twice"):
        router.sqs("bounces", outside=True, allow=SERVICE)(lambda: None)
    with pytest.raises(TypeError, match="SQS bounces is declared twice"):
        app.include(router)


def test_wrong_trigger_of_a_router_does_not_start() -> None:
    with pytest.raises(TypeError, match="SQS mail has no access rule"):
        Router().sqs("mail")(lambda: None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match="expected a rate"):
        Router().schedule("daily", allow=SERVICE)
    router, app = Router(), App("late")
    app.include(router)
    with pytest.raises(TypeError, match=r"SQS mail is declared too late: App\('late', 0 routes\) includes this router"):
        router.sqs("mail", outside=True, allow=SERVICE)(lambda: None)
    router = Router()
    router.schedule("rate(1 day)", name="purge", allow=SERVICE)(lambda: None)
    with pytest.raises(TypeError, match=r"schedule\('rate\(1 day\)'\): KEEP_WARM takes the events of all schedules"):
        App("warm", events=(HTTP_API, KEEP_WARM)).include(router)
    router = Router()
    router.sqs("q" * 150, outside=True, allow=SERVICE)(lambda: None)
    with pytest.raises(TypeError, match="more than 200 characters"):
        App("a" * 60).include(router)


# --- what an app provides -------------------------------------------------------------------------


def providing() -> App:
    app = App("clock")
    app.provide(Clock, make_clock)
    app.get("/now", allow=PUBLIC)(tell)
    return app


def test_handler_is_given_what_the_app_provides() -> None:
    assert Client(providing()).get("/now").json() == "real, for GET"


def test_test_gives_another_value_for_a_while() -> None:
    app = providing()
    client = Client(app)
    client.get("/now")

    with app.override(Clock, Clock("noon")) as given, app.override(Clock, Clock("one")):
        inner = client.get("/now").json()
    with app.override(Clock, given):
        outer = client.get("/now").json()

    assert (inner, outer, client.get("/now").json()) == ("one", "noon", "real, for GET")


def test_router_provides_for_its_routes_and_the_app_overrides() -> None:
    router, app = Router(), App("clock")
    router.provide(Clock, make_clock)
    router.get("/now", allow=PUBLIC)(tell)
    app.include(router)

    with app.override(Clock, Clock("noon")):
        overridden = Client(app).get("/now").json()

    assert (overridden, Client(app).get("/now").json()) == ("noon", "real, for GET")


# the last app had it: an override there was one of the first app too.
def test_router_in_two_apps_is_a_part_of_each() -> None:
    router, one, two = Router(), App("one"), App("two")
    router.provide(Clock, make_clock)
    router.get("/now", allow=PUBLIC)(tell)
    for app in (one, two):
        app.include(router)
        Client(app).get("/now")

    with one.override(Clock, Clock("noon")), two.override(Clock, Clock("midnight")):
        overridden = [Client(app).get("/now").json() for app in (one, two)]
    with two.override(Clock, Clock("midnight")):
        first = Client(one).get("/now").json()

    assert (overridden, first) == (["noon", "midnight"], "real, for GET")
    assert [route.provided for route in router.routes] == [router.provided]


def test_two_factories_of_one_type_do_not_start() -> None:
    router, app = Router(), providing()
    router.provide(Clock, lambda request: Clock("another"))

    with pytest.raises(TypeError, match="two factories of Clock"):
        app.include(router)
    with pytest.raises(TypeError, match=r"provide\(Clock\): it is provided already"):
        app.provide(Clock, make_clock)


@pytest.mark.parametrize("kind", [str, int, Request, "Clock"])
def test_type_that_means_something_else_is_not_provided(kind: Any) -> None:
    with pytest.raises(TypeError, match="only a class of your own can be provided"):
        App("clock").provide(kind, lambda request: None)


def test_type_that_nobody_provides_is_told_with_the_fix() -> None:
    with pytest.raises(TypeError, match=r"app\.provide\(Clock, factory\)"):
        App("clock").get("/now", allow=PUBLIC)(tell)
    with pytest.raises(TypeError, match=r"override\(Clock\): the app does not provide Clock"):
        App("clock").override(Clock, Clock("noon"))


def test_factory_that_fails_is_a_problem() -> None:
    app = App("clock")

    def refuse(request: Request) -> Clock:
        raise NotFound("No clock here.")

    app.provide(Clock, refuse)
    app.get("/now", allow=PUBLIC)(tell)

    assert Client(app).get("/now").status == 404


def test_override_ends_with_an_exception_as_well() -> None:
    provided: dict[type, Any] = {Clock: make_clock}

    with pytest.raises(KeyError), Override(provided, Clock, Clock("noon")):
        raise KeyError

    assert provided[Clock] is cast("Any", make_clock)
