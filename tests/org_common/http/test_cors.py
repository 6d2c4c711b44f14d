"""Pages of other origins: who may read, who may ask, and what a cache is told."""

from typing import Any

import pytest

from org_common import PUBLIC, App, Cors
from org_common.testing.client import Answer, Client

SHOP = "https://shop.example"


def answered(
    cors: Cors | None, origin: str | None = SHOP, method: str = "GET", path: str = "/notes", **more: str
) -> Answer:
    app = App("cors", cors=cors)
    app.get("/notes", allow=PUBLIC)(lambda: None)
    app.post("/notes", allow=PUBLIC)(lambda: None)
    headers = {
        **({} if origin is None else {"origin": origin}),
        **{name.replace("_", "-"): more[name] for name in more},
    }
    return Client(app).send(method, path, headers=headers)


def preflight(cors: Cors | None, origin: str = SHOP, path: str = "/notes") -> Answer:
    return answered(cors, origin, "OPTIONS", path, access_control_request_method="POST")


def test_allowed_origin_may_read() -> None:
    answer = answered(Cors([SHOP]))

    assert answer.headers["access-control-allow-origin"] == SHOP
    assert answer.headers["access-control-expose-headers"] == "etag, idempotent-replayed, location, retry-after"
    assert answer.headers["vary"] == "origin"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "https://evil.example",
        "http://shop.example",
        f"{SHOP}.evil.example",
        f"{SHOP}:444",
        SHOP.upper(),
    ],
)
def test_other_origin_may_not_and_caches_know(origin: str | None) -> None:
    answer = answered(Cors([SHOP]), origin)

    assert answer.status == 204
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "origin"


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("https://a.shop.example", True),
        ("https://a.b.shop.example", True),
        ("https://shop.example", False),
        ("https://evil-shop.example", False),
        ("https://a.shop.example.evil.example", False),
        ("https://a.shop-example", False),
        ("https://.shop.example", False),
        ("https://a/b.shop.example", False),
    ],
)
def test_star_stands_for_labels_in_front(origin: str, is_allowed: bool) -> None:
    answer = answered(Cors(["https://*.shop.example"]), origin)

    assert ("access-control-allow-origin" in answer.headers) == is_allowed


def test_open_policy_is_the_same_for_everybody() -> None:
    answer = answered(Cors(["*"]))

    assert answer.headers["access-control-allow-origin"] == "*"
    assert "vary" not in answer.headers


def test_credentials_are_told() -> None:
    assert answered(Cors([SHOP], credentials=True)).headers["access-control-allow-credentials"] == "true"


def test_preflight_is_answered_from_the_table_of_routes() -> None:
    answer = preflight(Cors([SHOP], headers=["x-trace"], max_age_s=5))

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS, POST"
    assert answer.headers["access-control-allow-headers"] == "x-trace"
    assert answer.headers["access-control-max-age"] == "5"
    assert answer.headers["access-control-allow-origin"] == SHOP


def test_preflight_of_another_origin_is_allowed_nothing() -> None:
    assert "access-control-allow-origin" not in preflight(Cors([SHOP]), "https://evil.example").headers


def test_without_a_policy_no_page_may() -> None:
    answer = preflight(None)

    assert answer.status == 204
    assert [name for name in answer.headers if name.startswith("access-control")] == []


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("DELETE", "/notes", 405)])
def test_problems_may_be_read_as_well(method: str, path: str, status: int) -> None:
    answer = answered(Cors([SHOP]), method=method, path=path)

    assert (answer.status, answer.headers["access-control-allow-origin"]) == (status, SHOP)


@pytest.mark.parametrize(
    "origins",
    [
        [],
        SHOP,
        ["shop.example"],
        [f"{SHOP}/"],
        ["https://Shop.example"],
        ["null"],
        ["https://*"],
        ["*", SHOP],
        ["https://a.*.b"],
    ],
)
def test_wrong_origins_do_not_start(origins: Any) -> None:
    with pytest.raises(TypeError, match="Cors"):
        Cors(origins)


def test_everybody_with_cookies_does_not_start() -> None:
    with pytest.raises(TypeError, match="credentials"):
        Cors(["*"], credentials=True)
