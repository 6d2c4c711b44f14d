"""Paths, query strings and cursors that are not as they must be: always a problem, never more than that."""

import pytest

from tests.cora_modules.access.world import ACME, ACME_DOMAIN, GLOBEX, World, is_a_problem, leaked, pointers

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
def test_id_that_is_no_uuid_is_pointed_at(still_world: World, method: str, rest: str, org_id: str) -> None:
    answer = still_world.as_("alice").send(method, f"/orgs/{org_id}{rest}", body={} if method == "PATCH" else None)

    assert answer.status == 422
    assert is_a_problem(answer)
    assert pointers(answer) == [("path", "#/orgId")]


@pytest.mark.parametrize("domain_id", ["1", "%00", "'"])
def test_second_id_that_is_no_uuid_is_pointed_at(still_world: World, domain_id: str) -> None:
    answer = still_world.as_("alice").delete(f"{DOMAINS}/{domain_id}")

    assert (answer.status, pointers(answer)) == (422, [("path", "#/domainId")])


def test_uuid_in_capitals_is_the_same_one(still_world: World) -> None:
    answer = still_world.as_("alice").get(ORG.upper().replace("ORGS", "orgs"))

    assert answer.status == 200


PATHS = ["/", "", "/org", "/orgs/", "/ORGS", "//orgs", "/orgs//email-domains", f"{ORG}/", f"{ORG}/people"]
PATHS += ["/orgs/../orgs", "/orgs%2F", "/orgs%00", "/\0", "/admin", "/.env", f"{DOMAIN}/x", "/" + "x/" * 5000]


@pytest.mark.parametrize("path", PATHS)
def test_unknown_path_is_not_found(still_world: World, path: str) -> None:
    answer = still_world.as_("alice").get(path)

    assert (answer.status, answer.json()["code"]) == (404, "unknown_route")
    assert is_a_problem(answer)


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
def test_unknown_method_is_told_the_known_ones(still_world: World, method: str, path: str, allow: str) -> None:
    answer = still_world.as_("alice").send(method, path)

    assert (answer.status, answer.headers["allow"]) == (405, allow)
    assert is_a_problem(answer)


# --- query strings ----------------------------------------------------------------------------

LIMITS = ["", "0", "-1", "101", "1e1", "1.0", "%00", "1%00", "abc", "%D9%A3", "+5", " 5", "0x5", "9" * 400, "None"]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("path", ["/orgs", DOMAINS])
def test_limit_that_is_none_is_pointed_at(still_world: World, path: str, limit: str) -> None:
    answer = still_world.as_("alice").send("GET", path, query=f"limit={limit}")

    assert (answer.status, pointers(answer)) == (422, [("query", "#/limit")])
    assert is_a_problem(answer)


@pytest.mark.parametrize(
    "query", ["nmae=x", "Limit=5", "limit[]=5", "%00=1", "a%00b=%00", "offset=3", "org_id=1", "=x"]
)
def test_unknown_parameter_is_pointed_at(still_world: World, query: str) -> None:
    answer = still_world.as_("alice").send("GET", "/orgs", query=query)

    assert answer.status == 422
    assert [error["code"] for error in answer.json()["errors"]] == ["unknown_parameter"]
    assert is_a_problem(answer)


@pytest.mark.parametrize("query", ["limit=5&limit=6", "cursor=a&cursor=b"])
def test_parameter_given_twice_is_pointed_at(still_world: World, query: str) -> None:
    answer = still_world.as_("alice").send("GET", "/orgs", query=query)

    assert (answer.status, answer.json()["errors"][0]["code"]) == (422, "repeated")


@pytest.mark.parametrize("query", ["&".join(f"a{at}=1" for at in range(1000)), "a" * 100_000, "limit=5;drop", "%"])
def test_absurd_query_string_is_refused(still_world: World, query: str) -> None:
    answer = still_world.as_("alice").send("GET", "/orgs", query=query)

    assert answer.status in (400, 422)
    assert is_a_problem(answer)


# --- cursors ----------------------------------------------------------------------------------


@pytest.fixture
def cursor(world: World) -> str:
    """Of alice's organizations, which are three."""
    alice = world.as_("alice")
    for slug in ("initech", "hooli"):
        alice.post("/orgs", {"name": slug, "slug": slug})
    made: str = alice.get("/orgs", limit=1).json()["nextCursor"]
    return made


def test_tampered_cursor_is_refused(world: World, cursor: str) -> None:
    alice = world.as_("alice")
    tampered = [cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :] for at in range(len(cursor) - 1)]
    tampered += [cursor[:-3], cursor[3:], cursor[:22], cursor[22:], cursor * 2, cursor[::-1]]

    answers = [alice.get("/orgs", cursor=each) for each in tampered]

    assert {(answer.status, answer.json()["code"]) for answer in answers} == {(400, "invalid_cursor")}


def test_cursor_is_good_for_its_caller_alone(world: World, cursor: str) -> None:
    answer = world.as_("bob").get("/orgs", cursor=cursor)

    assert (answer.status, answer.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("path", [DOMAINS, f"/orgs/{GLOBEX}/email-domains"])
def test_cursor_is_good_for_its_list_alone(world: World, cursor: str, path: str) -> None:
    world.insert("org_members", org_id=GLOBEX, user_id=world.users["alice"], org_role="org_admin")

    answer = world.as_("alice").get(path, cursor=cursor)

    assert (answer.status, answer.json()["code"]) == (400, "invalid_cursor")


@pytest.mark.parametrize("cursor", ["x", "%00", "\0", ".", "..", "é.é", "e30.AAAA", "a" * 3000, "1 or 1=1", "\ud7ff"])
def test_text_that_is_no_cursor_is_refused(still_world: World, cursor: str) -> None:
    answer = still_world.as_("alice").get("/orgs", cursor=cursor)

    assert (answer.status, answer.json()["code"]) == (400, "invalid_cursor")
    assert is_a_problem(answer)


# --- whoever sends it -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["bob", "erin", "stranger", "expired", "nobody"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", ORG, b"{"),
        ("PATCH", ORG, b'{"slug": "globex-kw4"}'),
        ("POST", DOMAINS, b"{}"),
        ("DELETE", DOMAIN[:-1], b""),
    ],
)
def test_bad_input_of_outsiders_tells_them_nothing(
    still_world: World, name: str, method: str, path: str, body: bytes
) -> None:
    answer = still_world.as_(name).send(method, path, body=body)

    assert 400 <= answer.status < 500
    assert is_a_problem(answer)
    assert leaked(answer, still_world.secrets()) == []
