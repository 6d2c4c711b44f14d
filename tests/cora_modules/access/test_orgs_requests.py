"""Invalid paths, query strings and cursors: each response is a problem."""

import pytest

from tests.cora_modules.access.world import ACME, ACME_DOMAIN, GLOBEX, World, is_problem, leaked, pointers

pytestmark = pytest.mark.db

ORG = f"/orgs/{ACME}"
DOMAINS = f"{ORG}/email-domains"
DOMAIN = f"{DOMAINS}/{ACME_DOMAIN}"


# --- paths and methods ------------------------------------------------------------------------

IDS = ["1", "x", "null", "acme-zq7", "%00", "%2e%2e", "%ff", "'%20or%201=1", f"{{{ACME}}}", f"urn:uuid:{ACME}"]
IDS += [
    "é" * 36,
    str(ACME).replace("-", ""),
    f"{ACME}%00",
    f"{ACME}%20",
    f"%20{ACME}",
    str(ACME)[:-1],
    "x" * 36,
    "0" * 5000,
]


@pytest.mark.parametrize("org_id", IDS)
@pytest.mark.parametrize(("method", "rest"), [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/email-domains")])
def test_invalid_uuid_is_rejected_with_a_pointer(readonly_world: World, method: str, rest: str, org_id: str) -> None:
    response = readonly_world.as_("alice").send(method, f"/orgs/{org_id}{rest}", body={} if method == "PATCH" else None)

    assert response.status == 422
    assert is_problem(response)
    assert pointers(response) == [("path", "#/orgId")]


@pytest.mark.parametrize("domain_id", ["1", "%00", "'"])
def test_second_invalid_uuid_is_rejected_with_a_pointer(readonly_world: World, domain_id: str) -> None:
    response = readonly_world.as_("alice").delete(f"{DOMAINS}/{domain_id}")

    assert (response.status, pointers(response)) == (422, [("path", "#/domainId")])


def test_uuid_is_case_insensitive(readonly_world: World) -> None:
    response = readonly_world.as_("alice").get(ORG.upper().replace("ORGS", "orgs"))

    assert response.status == 200


PATHS = ["/", "", "/org", "/orgs/", "/ORGS", "//orgs", "/orgs//email-domains", f"{ORG}/", f"{ORG}/people"]
PATHS += ["/orgs/../orgs", "/orgs%2F", "/orgs%00", "/\0", "/admin", "/.env", f"{DOMAIN}/x", "/" + "x/" * 5000]


@pytest.mark.parametrize("path", PATHS)
def test_unknown_path_is_not_found(readonly_world: World, path: str) -> None:
    response = readonly_world.as_("alice").get(path)

    assert (response.status, response.json()["code"]) == (404, "unknown_route")
    assert is_problem(response)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/orgs", "GET, HEAD, OPTIONS, POST"),
        ("DELETE", "/orgs", "GET, HEAD, OPTIONS, POST"),
        ("POST", ORG, "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("PUT", ORG, "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("GET", DOMAIN, "DELETE, OPTIONS, PATCH"),
        ("BREW", ORG, "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("get", "/orgs", "GET, HEAD, OPTIONS, POST"),
        ("", "/orgs", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_unknown_method_lists_the_allowed_ones(readonly_world: World, method: str, path: str, allow: str) -> None:
    response = readonly_world.as_("alice").send(method, path)

    assert (response.status, response.headers["allow"]) == (405, allow)
    assert is_problem(response)


# --- query strings ----------------------------------------------------------------------------

LIMITS = ["", "0", "-1", "101", "1e1", "1.0", "%00", "1%00", "abc", "%D9%A3", "+5", " 5", "0x5", "9" * 400, "None"]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("path", ["/orgs", DOMAINS])
def test_invalid_limit_is_rejected_with_a_pointer(readonly_world: World, path: str, limit: str) -> None:
    response = readonly_world.as_("alice").send("GET", path, query=f"limit={limit}")

    assert (response.status, pointers(response)) == (422, [("query", "#/limit")])
    assert is_problem(response)


@pytest.mark.parametrize(
    "query", ["nmae=x", "Limit=5", "limit[]=5", "%00=1", "a%00b=%00", "offset=3", "org_id=1", "=x"]
)
def test_unknown_parameter_is_rejected_with_a_pointer(readonly_world: World, query: str) -> None:
    response = readonly_world.as_("alice").send("GET", "/orgs", query=query)

    assert response.status == 422
    assert [error["code"] for error in response.json()["errors"]] == ["unknown_parameter"]
    assert is_problem(response)


@pytest.mark.parametrize("query", ["limit=5&limit=6", "cursor=a&cursor=b"])
def test_repeated_parameter_is_rejected(readonly_world: World, query: str) -> None:
    response = readonly_world.as_("alice").send("GET", "/orgs", query=query)

    assert (response.status, response.json()["errors"][0]["code"]) == (422, "repeated")


@pytest.mark.parametrize("query", ["&".join(f"a{at}=1" for at in range(1000)), "a" * 100_000, "limit=5;drop", "%"])
def test_malformed_query_string_is_rejected(readonly_world: World, query: str) -> None:
    response = readonly_world.as_("alice").send("GET", "/orgs", query=query)

    assert response.status in (400, 422)
    assert is_problem(response)


# --- cursors ----------------------------------------------------------------------------------


@pytest.fixture
def cursor(world: World) -> str:
    """A cursor of the list of alice's three organizations."""
    alice = world.as_("alice")
    for slug in ("initech", "hooli"):
        alice.post("/orgs", {"name": slug, "slug": slug})
    cursor: str = alice.get("/orgs", limit=1).json()["nextCursor"]
    return cursor


def test_tampered_cursor_is_rejected(world: World, cursor: str) -> None:
    alice = world.as_("alice")
    tampered = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor) - 1)]
    tampered += [cursor[:-3], cursor[3:], cursor[:22], cursor[22:], cursor * 2, cursor[::-1]]

    responses = [alice.get("/orgs", cursor=text) for text in tampered]

    assert {(response.status, response.json()["code"]) for response in responses} == {(400, "invalid_cursor")}


def test_cursor_is_bound_to_its_caller(world: World, cursor: str) -> None:
    response = world.as_("bob").get("/orgs", cursor=cursor)

    assert (response.status, response.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("path", [DOMAINS, f"/orgs/{GLOBEX}/email-domains"])
def test_cursor_is_bound_to_its_list(world: World, cursor: str, path: str) -> None:
    world.insert("org_members", org_id=GLOBEX, user_id=world.users["alice"], org_role="org_admin")

    response = world.as_("alice").get(path, cursor=cursor)

    assert (response.status, response.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("cursor", ["x", "%00", "\0", ".", "..", "é.é", "e30.AAAA", "a" * 3000, "1 or 1=1", "\ud7ff"])
def test_malformed_cursor_is_rejected(readonly_world: World, cursor: str) -> None:
    response = readonly_world.as_("alice").get("/orgs", cursor=cursor)

    assert (response.status, response.json()["code"]) == (400, "invalid_cursor")
    assert is_problem(response)


# --- outsiders --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bob", "erin", "stranger", "expired", "anonymous"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", ORG, b"{"),
        ("PATCH", ORG, b'{"slug": "globex-kw4"}'),
        ("POST", DOMAINS, b"{}"),
        ("DELETE", DOMAIN[:-1], b""),
    ],
)
def test_invalid_input_leaks_nothing_to_outsiders(
    readonly_world: World, name: str, method: str, path: str, body: bytes
) -> None:
    response = readonly_world.as_(name).send(method, path, body=body)

    assert 400 <= response.status < 500
    assert is_problem(response)
    assert leaked(response, readonly_world.secrets()) == []
