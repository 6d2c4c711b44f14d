"""CORS: allowed origins, preflight requests, and `Vary` for caches."""

from typing import Any

import pytest

from org_common import PUBLIC, App, Cors
from org_common.testing.client import Answer, Client

SHOP = "https://shop.example"


def send(
    cors: Cors | None, origin: str | None = SHOP, method: str = "GET", path: str = "/notes", **extra: str
) -> Answer:
    app = App("cors", cors=cors)
    app.get("/notes", allow=PUBLIC)(lambda: None)
    app.post("/notes", allow=PUBLIC)(lambda: None)
    headers = {
        **({} if origin is None else {"origin": origin}),
        **{name.replace("_", "-"): value for name, value in extra.items()},
    }
    return Client(app).send(method, path, headers=headers)


def preflight(cors: Cors | None, origin: str = SHOP, path: str = "/notes") -> Answer:
    return send(cors, origin, "OPTIONS", path, access_control_request_method="POST")


def test_allowed_origin_may_read_the_response() -> None:
    response = send(Cors([SHOP]))

    assert response.headers["access-control-allow-origin"] == SHOP
    assert response.headers["access-control-expose-headers"] == "etag, idempotent-replayed, location, retry-after"
    assert response.headers["vary"] == "origin"
    assert "access-control-allow-credentials" not in response.headers


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
def test_other_origin_may_not_read_and_vary_is_set(origin: str | None) -> None:
    response = send(Cors([SHOP]), origin)

    assert response.status == 204
    assert "access-control-allow-origin" not in response.headers
    assert response.headers["vary"] == "origin"


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
def test_star_allows_subdomains(origin: str, is_allowed: bool) -> None:
    response = send(Cors(["https://*.shop.example"]), origin)

    assert ("access-control-allow-origin" in response.headers) == is_allowed


def test_open_policy_allows_every_origin() -> None:
    response = send(Cors(["*"]))

    assert response.headers["access-control-allow-origin"] == "*"
    assert "vary" not in response.headers


def test_credentials_are_allowed() -> None:
    assert send(Cors([SHOP], credentials=True)).headers["access-control-allow-credentials"] == "true"


def test_preflight_response_lists_the_methods_of_the_path() -> None:
    response = preflight(Cors([SHOP], headers=["x-trace"], max_age_s=5))

    assert (response.status, response.body) == (204, b"")
    assert response.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS, POST"
    assert response.headers["access-control-allow-headers"] == "x-trace"
    assert response.headers["access-control-max-age"] == "5"
    assert response.headers["access-control-allow-origin"] == SHOP


def test_preflight_of_another_origin_is_not_allowed() -> None:
    assert "access-control-allow-origin" not in preflight(Cors([SHOP]), "https://evil.example").headers


def test_no_cors_headers_without_a_policy() -> None:
    response = preflight(None)

    assert response.status == 204
    assert [name for name in response.headers if name.startswith("access-control")] == []


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("DELETE", "/notes", 405)])
def test_problems_may_be_read_too(method: str, path: str, status: int) -> None:
    response = send(Cors([SHOP]), method=method, path=path)

    assert (response.status, response.headers["access-control-allow-origin"]) == (status, SHOP)


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
def test_invalid_origins_are_refused(origins: Any) -> None:
    with pytest.raises(TypeError, match="Cors"):
        Cors(origins)


def test_every_origin_with_credentials_is_refused() -> None:
    with pytest.raises(TypeError, match="credentials"):
        Cors(["*"], credentials=True)
