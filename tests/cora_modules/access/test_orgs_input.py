"""Invalid request bodies, through the complete app: each response is a problem."""

import json

import pytest

from tests.cora_modules.access.world import ACME, ACME_DOMAIN, World, is_problem, pointers

pytestmark = pytest.mark.db

ORG = f"/orgs/{ACME}"
DOMAINS = f"{ORG}/email-domains"
DOMAIN = f"{DOMAINS}/{ACME_DOMAIN}"
NEW = {"name": "Initech", "slug": "initech"}


# --- values -----------------------------------------------------------------------------------

INVALID_NAMES = ["", "   ", "x" * 201, 3, None, True, ["a"], {"a": 1}]
INVALID_SLUGS = [
    "",
    "a",
    "A-b",
    "-ab",
    "ab-",
    "a--b",
    "a_b",
    "a b",
    "ü-b",
    "ab\n",
    "a" * 64,
    "../x",
    "a'--",
    3,
    None,
    [],
]
INVALID_URLS = [
    "",
    "javascript:alert(1)",
    "ftp://a.example",
    "https://",
    "http:///x",
    "//a.example",
    "a.example",
    " https://a",
]
INVALID_URLS += ["https://a b", "https://a\n", "data:text/html,x", "https://" + "a" * 2000]
INVALID_TEXTS = ["x" * 2001, 3, False, []]
WRONG = [("name", value) for value in INVALID_NAMES] + [("slug", value) for value in INVALID_SLUGS]
WRONG += [(field, value) for field in ("logoUrl", "websiteUrl") for value in INVALID_URLS]
WRONG += [("description", value) for value in INVALID_TEXTS] + [("appName", ""), ("appIcon", "x" * 201)]


@pytest.mark.parametrize(("field", "value"), WRONG)
@pytest.mark.parametrize(("method", "path"), [("POST", "/orgs"), ("PATCH", ORG)])
def test_invalid_value_is_rejected_with_a_pointer(
    readonly_world: World, method: str, path: str, field: str, value: object
) -> None:
    response = readonly_world.as_("alice").send(method, path, body={**NEW, field: value})

    assert response.status == 422
    assert is_problem(response)
    assert pointers(response) == [("body", f"#/{field}")]


@pytest.mark.parametrize("field", ["name", "slug"])
def test_missing_value_is_rejected_with_a_pointer(readonly_world: World, field: str) -> None:
    response = readonly_world.as_("alice").post("/orgs", {name: value for name, value in NEW.items() if name != field})

    assert (response.status, pointers(response)) == (422, [("body", f"#/{field}")])


def test_all_errors_are_reported_at_once(readonly_world: World) -> None:
    response = readonly_world.as_("alice").post("/orgs", {"slug": "A", "logoUrl": 3, "nmae": "x"})

    assert sorted(pointers(response)) == [("body", f"#/{name}") for name in ("logoUrl", "name", "nmae", "slug")]


@pytest.mark.parametrize("field", ["logo_url", "nmae", "", "a/b", "~", "__class__", "ü"])
def test_unknown_field_is_rejected_with_a_pointer(readonly_world: World, field: str) -> None:
    response = readonly_world.as_("alice").patch(ORG, {"name": "Mine", field: "x"})

    assert response.status == 422
    assert [error["code"] for error in response.json()["errors"]] == ["extra_forbidden"]


@pytest.mark.parametrize("body", [{**NEW, "name": "a\0b"}, {**NEW, "description": "\0"}])
def test_nul_in_a_new_string_is_rejected(readonly_world: World, body: dict[str, str]) -> None:
    response = readonly_world.as_("alice").post("/orgs", body)

    assert response.status == 422
    assert is_problem(response)


@pytest.mark.parametrize("body", [{"name": "a\0b"}, {"description": "\0"}, {"appName": "ok", "appIcon": "\0"}])
def test_nul_in_a_changed_string_is_rejected(readonly_world: World, body: dict[str, str]) -> None:
    response = readonly_world.as_("alice").patch(ORG, body)

    assert response.status == 422
    assert is_problem(response)


TEXTS = ["O'Brien; drop table access.orgs --", "%(org_id)s %s %%", "$1", "\\", '"', "\u202e", "\U0001f680" * 200, "ÄÖÜ"]


@pytest.mark.parametrize("text", TEXTS)
def test_any_other_string_is_stored_unchanged(world: World, text: str) -> None:
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
def test_value_at_the_limit_is_accepted(world: World, body: dict[str, str]) -> None:
    response = world.as_("alice").post("/orgs", body)

    org = response.json()
    assert response.status == 201
    assert {field: org[field] for field in body} == body


def test_name_is_trimmed(world: World) -> None:
    response = world.as_("alice").post("/orgs", {"name": "  Initech \t", "slug": "initech"})

    assert response.json()["name"] == "Initech"


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
def test_invalid_body_is_rejected(readonly_world: World, method: str, path: str, body: bytes, status: int) -> None:
    response = readonly_world.as_("alice").send(method, path, body=body)

    assert response.status == status
    assert is_problem(response)
    assert len(response.body) < 20_000


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", "*/*"])
def test_body_with_another_content_type_is_rejected(readonly_world: World, content_type: str) -> None:
    response = readonly_world.as_("alice").post("/orgs", NEW, headers={"content-type": content_type})

    assert response.status == 415
    assert is_problem(response)
