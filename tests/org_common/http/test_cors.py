"""CORS: allowed origins, preflight requests, and `Vary` for caches."""

from typing import Annotated, Any

import pytest

from org_common import PUBLIC, App, Cookie, Cors, Header, Query
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
    assert response.headers["access-control-allow-headers"] == f"{DEFAULT_HEADERS}, x-trace"
    assert response.headers["access-control-max-age"] == "5"
    assert response.headers["access-control-allow-origin"] == SHOP


def request_headers(cors: Cors, path: str) -> set[str]:
    """Those that the browser may send, by the preflight response of a path."""
    app = App("cors", cors=cors)

    @app.get("/orders/{order_id}", allow=PUBLIC)
    def get(order_id: str, x_request_id: Annotated[str | None, Header()] = None) -> None: ...

    @app.put("/orders/{order_id}", allow=PUBLIC)
    def put(
        order_id: str, tenant: Annotated[str, Header("X-Tenant-ID")], limit: Annotated[int, Query()] = 5
    ) -> None: ...

    @app.get("/other", allow=PUBLIC)
    def other(session: Annotated[str, Cookie()], if_match: Annotated[str, Header()]) -> None: ...

    headers = {"origin": SHOP, "access-control-request-method": "PUT"}
    names = Client(app).send("OPTIONS", path, headers=headers).headers["access-control-allow-headers"].split(", ")
    assert len(names) == len(set(names))
    return set(names)


DEFAULT_HEADERS = "authorization, content-type, idempotency-key, if-match, if-none-match"
DEFAULTS = set(DEFAULT_HEADERS.split(", "))


@pytest.mark.parametrize(
    ("more", "path", "names"),
    [
        # What the routes of the path declare, with either method.
        ([], "/orders/5", {"x-request-id", "x-tenant-id"}),
        (["X-Trace"], "/orders/5", {"x-request-id", "x-tenant-id", "x-trace"}),
        (["X-Request-Id", "Authorization"], "/orders/5", {"x-request-id", "x-tenant-id"}),
        # Cookies and what every page may send are no addition.
        ([], "/other", set()),
        (["x-trace"], "/other", {"x-trace"}),
    ],
)
def test_page_may_send_the_headers_that_routes_declare(more: list[str], path: str, names: set[str]) -> None:
    cors = Cors([SHOP], headers=more)
    assert request_headers(cors, path) == DEFAULTS | names


def test_exposed_headers_are_added_to_those_of_the_sdk() -> None:
    exposed = send(Cors([SHOP], expose=["X-Total", "ETag"])).headers["access-control-expose-headers"]

    assert exposed == "etag, idempotent-replayed, location, retry-after, x-total"


def test_header_names_may_come_from_any_iterable() -> None:
    names: Any = (name for name in ["x-trace"])

    assert "x-trace" in request_headers(Cors([SHOP], headers=names), "/other")


@pytest.mark.parametrize("argument", ["headers", "expose"])
@pytest.mark.parametrize("names", ["x-trace", ["x trace"], [""], ["x-trace:"], ["x\r\ny"], ["é"]], ids=repr)
def test_invalid_header_names_are_refused(argument: str, names: Any) -> None:
    with pytest.raises(TypeError, match=rf"Cors\({argument}=.*is not a list of header names"):
        Cors([SHOP], **{argument: names})


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
