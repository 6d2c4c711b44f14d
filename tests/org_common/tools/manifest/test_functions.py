from typing import Any

import pytest

from org_common import PUBLIC, App, AsService, Bearer, GatewayJwt, Router
from org_common.events.function_url import FUNCTION_URL
from org_common.tools.manifest import functions
from org_common.tools.manifest.settings import FunctionSettings, Queue
from tests.org_common.tools.manifest import depot


def described(settings: FunctionSettings | None = None) -> dict[str, Any]:
    name, function = functions.of_app("depot:app", depot.app, settings or FunctionSettings())
    assert name == "depot"
    return function


def test_routes_have_the_keys_of_the_api_and_their_rules() -> None:
    routes = {route["key"]: route for route in described()["routes"]}

    assert list(routes) == ["GET /items/{itemId}", "GET /items", "GET /health"]
    assert [route["public"] for route in routes.values()] == [False, False, True]
    assert routes["GET /items"]["rule"] == "SIGNED_IN"
    assert routes["GET /items/{itemId}"]["summary"] == "Return one item."


def test_what_the_declarations_need_is_derived() -> None:
    assert described()["settings"] == ["database", "service_database", "cursor_keys"]


def test_triggers_are_described() -> None:
    function = described(FunctionSettings(queues={"parcels": Queue(batch=1, concurrency=3)}))

    assert set(function["queues"]) == {"parcels", "return-events"}
    assert function["queues"]["parcels"] == {
        "rule": "SIGNED_IN",
        "role": "authenticated",
        "fifo": False,
        "batch": 1,
        "concurrency": 3,
        "receives": 5,
    }
    assert function["schedules"]["sweep"] == {
        "rule": "AsService('all depots')",
        "role": "app_service",
        "expression": "rate(1 day)",
        "timezone": "Europe/Berlin",
    }
    assert function["buckets"]["uploads"]["events"] == ["s3:ObjectCreated:*"]
    assert function["buckets"]["returns"]["queue"] == "return-events"
    assert [(event["source"], event["detail_type"]) for event in function["bus_events"]] == [("acme.billing", "Paid")]


def test_triggers_of_a_router_are_described() -> None:
    router, app = Router(), App("mail")
    rule = AsService("all mail")
    router.sqs("bounces", outside=True, allow=rule)(lambda: None)
    router.s3("letters", allow=rule)(lambda: None)
    router.event(source="shop", detail_type="Paid", allow=rule)(lambda: None)
    router.schedule("rate(1 day)", name="tidy", allow=rule)(lambda: None)
    app.include(router)
    function = functions.of_app("mail:app", app, FunctionSettings())[1]

    names = [list(function[kind]) for kind in ("queues", "buckets", "schedules")]
    assert names == [["bounces"], ["letters"], ["tidy"]]
    assert [event["detail_type"] for event in function["bus_events"]] == ["Paid"]


def test_needs_have_the_resources_of_their_actions() -> None:
    needs = described(FunctionSettings(resources={"kms:*": ("arn:of-the-key",)}))["needs"]

    assert needs == {
        "secrets": ["depot/carrier"],
        "sends": ["labels"],
        "consumes": [],
        "buckets": ["invoices"],
        "actions": {"textract:DetectDocumentText": [], "kms:Sign": ["arn:of-the-key"]},
    }


def test_function_that_uses_the_database_is_in_the_vpc() -> None:
    plain = App("plain")
    plain.get("/", allow=PUBLIC)(depot.health)

    assert described()["vpc"] is True
    assert functions.of_app("plain:app", plain, FunctionSettings())[1]["vpc"] is False
    assert described(FunctionSettings(vpc=False))["vpc"] is False


@pytest.mark.parametrize(
    ("app", "identity", "layers", "settings"),
    [
        (App("a"), "authorizer", ["runtime"], []),
        (App("a", identity=GatewayJwt()), "gateway_jwt", ["runtime"], ["issuers"]),
        (App("a", identity=Bearer(), events=(FUNCTION_URL,)), "app", ["runtime", "auth"], ["issuers"]),
    ],
)
def test_only_what_verifies_tokens_has_the_auth_layer(
    app: App, identity: str, layers: list[str], settings: list[str]
) -> None:
    _, function = functions.of_app("a:app", app, FunctionSettings())

    assert (function["identity"], function["layers"], function["settings"]) == (identity, layers, settings)


def test_layers_can_be_named() -> None:
    assert described(FunctionSettings(layers=("runtime", "parsers")))["layers"] == ["runtime", "parsers"]


def test_authorizer_has_the_name_of_its_module_or_its_settings() -> None:
    name, function = functions.of_other("shop.authorizer:app", FunctionSettings(), is_authorizer=True)

    assert (name, function["type"], function["settings"]) == ("authorizer", "authorizer", ["issuers"])
    assert functions.of_other("a:b", FunctionSettings(name="access-auth"), is_authorizer=False)[0] == "access-auth"


def test_all_functions_have_the_same_keys() -> None:
    _, other = functions.of_other("a:b", FunctionSettings(), is_authorizer=False)

    assert other.keys() == described().keys()
