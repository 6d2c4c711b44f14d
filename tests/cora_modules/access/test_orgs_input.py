"""Bodies that are not as they must be, through the whole of the real path: always a problem, never more than that."""

import json

import pytest

from tests.cora_modules.access.world import ACME, ACME_DOMAIN, World, is_a_problem, pointers

pytestmark = pytest.mark.db

ORG = f"/orgs/{ACME}"
DOMAINS = f"{ORG}/email-domains"
DOMAIN = f"{DOMAINS}/{ACME_DOMAIN}"
NEW = {"name": "Initech", "slug": "initech"}


# --- values -----------------------------------------------------------------------------------

NO_NAMES = ["", "   ", "x" * 201, 3, None, True, ["a"], {"a": 1}]
NO_SLUGS = ["", "a", "A-b", "-ab", "ab-", "a--b", "a_b", "a b", "ü-b", "ab\n", "a" * 64, "../x", "a'--", 3, None, []]
NO_URLS = [
    "",
    "javascript:alert(1)",
    "ftp://a.example",
    "https://",
    "http:///x",
    "//a.example",
    "a.example",
    " https://a",
]
NO_URLS += ["https://a b", "https://a\n", "data:text/html,x", "https://" + "a" * 2000]
NO_TEXTS = ["x" * 2001, 3, False, []]
WRONG = [("name", value) for value in NO_NAMES] + [("slug", value) for value in NO_SLUGS]
WRONG += [(field, value) for field in ("logoUrl", "websiteUrl") for value in NO_URLS]
WRONG += [("description", value) for value in NO_TEXTS] + [("appName", ""), ("appIcon", "x" * 201)]


@pytest.mark.parametrize(("field", "value"), WRONG)
@pytest.mark.parametrize(("method", "path"), [("POST", "/orgs"), ("PATCH", ORG)])
def test_wrong_value_is_pointed_at(still_world: World, method: str, path: str, field: str, value: object) -> None:
    answer = still_world.as_("alice").send(method, path, body={**NEW, field: value})

    assert answer.status == 422
    assert is_a_problem(answer)
    assert pointers(answer) == [("body", f"#/{field}")]


@pytest.mark.parametrize("field", ["name", "slug"])
def test_missing_value_is_pointed_at(still_world: World, field: str) -> None:
    answer = still_world.as_("alice").post("/orgs", {name: value for name, value in NEW.items() if name != field})

    assert (answer.status, pointers(answer)) == (422, [("body", f"#/{field}")])


def test_all_faults_are_told_at_once(still_world: World) -> None:
    answer = still_world.as_("alice").post("/orgs", {"slug": "A", "logoUrl": 3, "nmae": "x"})

    assert sorted(pointers(answer)) == [("body", f"#/{name}") for name in ("logoUrl", "name", "nmae", "slug")]


@pytest.mark.parametrize("field", ["logo_url", "nmae", "", "a/b", "~", "__class__", "ü"])
def test_unknown_field_is_pointed_at(still_world: World, field: str) -> None:
    answer = still_world.as_("alice").patch(ORG, {"name": "Mine", field: "x"})

    assert answer.status == 422
    assert [error["code"] for error in answer.json()["errors"]] == ["extra_forbidden"]


@pytest.mark.parametrize("body", [{**NEW, "name": "a\0b"}, {**NEW, "description": "\0"}])
def test_nul_in_a_new_text_is_refused(still_world: World, body: dict[str, str]) -> None:
    answer = still_world.as_("alice").post("/orgs", body)

    assert answer.status == 422
    assert is_a_problem(answer)


@pytest.mark.parametrize("body", [{"name": "a\0b"}, {"description": "\0"}, {"appName": "ok", "appIcon": "\0"}])
def test_nul_in_a_changed_text_is_refused(still_world: World, body: dict[str, str]) -> None:
    answer = still_world.as_("alice").patch(ORG, body)

    assert answer.status == 422
    assert is_a_problem(answer)


TEXTS = ["O'Brien; drop table access.orgs --", "%(org_id)s %s %%", "$1", "\\", '"', "\u202e", "\U0001f680" * 200, "ÄÖÜ"]


@pytest.mark.parametrize("text", TEXTS)
def test_any_other_text_comes_back_as_it_was_sent(world: World, text: str) -> None:
    alice = world.as_("alice")

    changed = alice.patch(ORG, {"name": text, "description": text})

    assert changed.status == 200
    assert [alice.get(ORG).json()[field] for field in ("name", "description")] == [text, text]


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x" * 200, "slug": "a" * 63, "description": "x" * 2000, "appName": "x" * 200},
        {"name": "x", "slug": "ab", "description": "", "logoUrl": "http://a", "websiteUrl": "https://" + "a" * 1992},
    ],
)
def test_value_at_the_edge_is_taken(world: World, body: dict[str, str]) -> None:
    answer = world.as_("alice").post("/orgs", body)

    made = answer.json()
    assert answer.status == 201
    assert {field: made[field] for field in body} == body


def test_name_is_trimmed(world: World) -> None:
    answer = world.as_("alice").post("/orgs", {"name": "  Initech \t", "slug": "initech"})

    assert answer.json()["name"] == "Initech"


# --- bodies -----------------------------------------------------------------------------------

BODIES: list[tuple[bytes, int]] = [
    (b"", 400),
    (b" ", 400),
    (b"{", 400),
    (b'{"name": "a", "slug": "ab",}', 400),
    (b"{'name': 'a'}", 400),
    (b'{"name": NaN}', 400),
    (b'{"name": "\xff\xfe"}', 400),
    (b'{"name": "\\ud800"}', 400),
    (b"\xef\xbb\xbf{}", 400),
    (b"name=a&slug=ab", 400),
    (b"[" * 100_000, 400),
    (b'{"a":' * 100_000, 400),
    (b"null", 422),
    (b"[]", 422),
    (b'"text"', 422),
    (b"3", 422),
    (b'[{"name": "a", "slug": "ab"}]', 422),
    (json.dumps({**NEW, "name": "x" * 1_000_000}).encode(), 422),
    (json.dumps({**NEW, "name": "x" * 1_100_000}).encode(), 413),
    (json.dumps({f"field{at}": at for at in range(10_000)}).encode(), 422),
]


@pytest.mark.parametrize(("body", "status"), BODIES, ids=[repr(body[:30]) for body, _ in BODIES])
@pytest.mark.parametrize(("method", "path"), [("POST", "/orgs"), ("PATCH", ORG), ("POST", DOMAINS), ("PATCH", DOMAIN)])
def test_body_that_is_no_object_of_ours_is_refused(
    still_world: World, method: str, path: str, body: bytes, status: int
) -> None:
    answer = still_world.as_("alice").send(method, path, body=body)

    assert answer.status == status
    assert is_a_problem(answer)
    assert len(answer.body) < 20_000


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "*/*"])
def test_body_that_is_not_declared_as_json_is_refused(still_world: World, content_type: str) -> None:
    answer = still_world.as_("alice").post("/orgs", NEW, headers={"content-type": content_type})

    assert answer.status == 415
    assert is_a_problem(answer)
