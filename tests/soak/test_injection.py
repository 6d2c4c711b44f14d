"""Hostile texts in every place of a request: no row of another tenant, no word of our inside, never a 500."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any
from urllib.parse import quote, unquote, unquote_plus

import pytest

from cora_modules.access.orgs import app
from org_common.testing.client import ISSUER, Answer, Client, Person
from org_common.tools.database.local import LocalDatabase
from tests.cora_modules.access.world import ACME, ACME_DOMAIN, GLOBEX, GLOBEX_DOMAIN, INTERNALS, World, leaked
from tests.soak.figures import Figures
from tests.soak.payloads import payloads
from tests.soak.scale import LONG, SEED

pytestmark = pytest.mark.db

# In the short form: of the payloads so many, in so many places each.
SAMPLE, PLACES_EACH = 420, 8
WORDS = INTERNALS | {"constraint", "violates", "relation", "syntax error", "pg_", "_pkey", "app_login", "row-level"}
ORG = f"/orgs/{GLOBEX}"
DOMAINS = f"{ORG}/email-domains"
DOMAIN = f"{DOMAINS}/{GLOBEX_DOMAIN}"
# What Client sends as the authorizer's context.
CLAIMS = {"iss": ISSUER, "sub": "local|bob", "exp": 4_000_000_000, "email": "bob@zq7.example", "email_verified": True}
Try = Callable[[Client, str], Answer]


class Claimed(Person):
    """Somebody whose claims are a text of the test's own."""

    def __init__(self, text: str) -> None:
        super().__init__("local|bob")
        self._text = text

    def claims(self) -> str:
        return self._text


def path(method: str, template: str, body: object = None) -> Try:
    return lambda bob, text: bob.send(method, template.format(_quoted(text)), body=body)


def raw_path(template: str) -> Try:
    return lambda bob, text: bob.send("GET", template.format(text))


def query(path: str, name: str) -> Try:
    return lambda bob, text: bob.send("GET", path, query=f"{name}={_quoted(text)}")


def field(method: str, path: str, name: str, others: dict[str, object] | None = None) -> Try:
    return lambda bob, text: bob.send(method, path, body={**(others or {}), name: text})


def header(method: str, path: str, name: str, body: object = None) -> Try:
    return lambda bob, text: bob.send(method, path, body=body, headers={name: text})


def claim(name: str) -> Try:
    return lambda bob, text: bob.as_(Claimed(json.dumps({**CLAIMS, name: text}))).get("/orgs")


GLOBEX_AS_IT_WAS = {
    "name": "Globex Kw4 Corp",
    "slug": "globex-kw4",
    "description": None,
    "logoUrl": None,
    "appName": None,
}
NEW: dict[str, object] = {"name": "Injected", "slug": "injected"}
PLACES: dict[str, Try] = {
    "path: org": path("GET", "/orgs/{}"),
    "path: org, raw": raw_path("/orgs/{}"),
    "path: org of a change": path("PATCH", "/orgs/{}", {"name": "Mine"}),
    "path: org of domains": path("GET", "/orgs/{}/email-domains"),
    "path: domain": path("PATCH", DOMAINS + "/{}", {"autoProvision": True}),
    "path: domain to remove": path("DELETE", DOMAINS + "/{}"),
    "path: all": raw_path("/{}"),
    "query: limit": query("/orgs", "limit"),
    "query: cursor": query("/orgs", "cursor"),
    "query: cursor of domains": query(DOMAINS, "cursor"),
    "query: unknown": query("/orgs", "filter"),
    "query: name": lambda bob, text: bob.send("GET", "/orgs", query=f"{_quoted(text)}=1"),
    "query: raw": lambda bob, text: bob.send("GET", "/orgs", query=text),
    "header: key": header("POST", "/orgs", "idempotency-key", NEW),
    "header: content type": header("POST", "/orgs", "content-type", NEW),
    "header: accept": header("GET", "/orgs", "accept"),
    "header: any": header("GET", ORG, "x-org-id"),
    **{f"body: new {name}": field("POST", "/orgs", name, NEW) for name in ("name", "slug", "description", "appIcon")},
    **{f"body: new {name}": field("POST", "/orgs", name, NEW) for name in ("logoUrl", "websiteUrl", "appName")},
    **{f"body: {name}": field("PATCH", ORG, name) for name in ("name", "slug", "description", "logoUrl", "appName")},
    "body: domain": field("POST", DOMAINS, "domain"),
    "body: role": field("PATCH", DOMAIN, "defaultRole"),
    "body: switch": field("PATCH", DOMAIN, "autoProvision"),
    "body: name of a field": lambda bob, text: bob.patch(ORG, {text: "x"}),
    "body: nested": lambda bob, text: bob.patch(ORG, {"name": {text: [text]}}),
    "body: raw": lambda bob, text: bob.send("PATCH", ORG, body=text.encode(errors="surrogatepass")),
    **{f"claim: {name}": claim(name) for name in ("sub", "iss", "email", "jti", "exp", "role", "email_verified")},
    "claims": lambda bob, text: bob.as_(Claimed(text)).get("/orgs"),
}


@pytest.fixture
def world(database: LocalDatabase) -> Iterator[World]:
    made = World(database)
    app.use(made.database)
    yield made
    app.use(None)
    made.close()


def test_hostile_texts_are_texts_wherever_they_stand(world: World, figures: Figures) -> None:
    random = Random(SEED)
    secrets = world.secrets()
    corpus = payloads((str(ACME), str(ACME_DOMAIN), "acme-zq7", "Acme Zq7 Rockets", str(world.users["alice"])))
    assert len(corpus) >= 2_000
    before = acmes(world)
    bob = world.as_("bob")
    statuses: Counter[int] = Counter()
    tried: Counter[str] = Counter()
    wrong: list[str] = []
    for text in corpus if LONG else random.sample(corpus, SAMPLE):
        for place in PLACES if LONG else random.sample(sorted(PLACES), PLACES_EACH):
            answer = PLACES[place](bob, text)
            statuses[answer.status] += 1
            tried[place] += 1
            found = found_in(answer, text, secrets)
            if found or answer.status >= 500:
                wrong.append(f"{place}: {text[:60]!r} was answered {answer.status} {found}")
            undo(bob, place, answer)
    figures.note(
        "injection: requests without a foreign row, a word of the inside or a 500",
        tried.total() - len(wrong),
        tried.total(),
        payloads=len(corpus) if LONG else SAMPLE,
        corpus=len(corpus),
        places=len(PLACES),
        statuses=dict(sorted(statuses.items())),
    )
    assert wrong == []
    rows_of_bob = {org["id"] for org in bob.get("/orgs", limit=100).json()["items"]}
    assert rows_of_bob == {str(GLOBEX)}
    assert acmes(world) == before
    assert tried.keys() == PLACES.keys()


def test_hostile_names_page_like_any_other(world: World) -> None:
    """Their names are sort keys, and so stand in cursors."""
    random = Random(SEED)
    bob = world.as_("bob")
    names: set[str] = set()
    for number, text in enumerate(random.sample(payloads((str(ACME),)), 300 if LONG else 60)):
        made = bob.post("/orgs", {"name": text, "slug": f"page-{number}"})
        if made.status == 201:
            names.add(made.json()["name"])

    seen: list[str] = []
    cursor = ""
    while True:
        page = bob.send("GET", "/orgs", query="limit=3" + (f"&cursor={cursor}" if cursor else ""))
        assert page.status == 200, page
        seen += [org["name"] for org in page.json()["items"]]
        cursor = page.json()["nextCursor"]
        if cursor is None:
            break

    assert set(seen) == names | {"Globex Kw4 Corp"}
    assert len(seen) == world.admin.execute("select count(*) - 1 as n from access.orgs").fetchall()[0]["n"]


def found_in(answer: Answer, text: str, secrets: set[str]) -> list[str]:
    """What should not stand in an answer, past what was sent: ours, and another tenant's."""
    given = {text, text.strip(), text.lower(), unquote_plus(text), unquote_plus(text).lower()}
    rest = Answer.__new__(Answer)
    rest.headers = answer.headers
    rest.body = "\n".join(_strings(json.loads(answer.body or b"null"), given)).encode(errors="replace")
    # An id that somebody sends comes back in his own fields.
    return leaked(rest, {secret for secret in secrets if secret.lower() not in text.lower()} | WORDS)


def _strings(value: Any, given: set[str]) -> Iterator[str]:
    """All texts within a JSON value, without those that were given."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield name
            if name != "pointer":
                yield from _strings(each, given)
            elif not any(_plain(each) in text for text in given):
                # Neither a name that was sent nor a part of one.
                yield _plain(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each, given)
    elif isinstance(value, str):
        for each in sorted(given - {""}, key=len, reverse=True):
            value = value.replace(each, "")
        yield value


def _plain(pointer: str) -> str:
    return unquote(pointer).removeprefix("#/").replace("~1", "/").replace("~0", "~")


def undo(bob: Client, place: str, answer: Answer) -> None:
    """Nothing hostile stays, to come back in a later answer."""
    # A key that came before, but for white space, brings the answer of then.
    if answer.status == 201 and "idempotent-replayed" not in answer.headers:
        assert bob.delete(answer.headers["location"]).status == 204
    elif answer.status == 200 and place.startswith("body"):
        assert bob.patch(ORG, GLOBEX_AS_IT_WAS).status == 200


def acmes(world: World) -> dict[str, list[dict[str, Any]]]:
    """Every row that is not Globex's."""
    return {
        table: [row for row in rows if GLOBEX not in (row.get("id"), row.get("org_id"))]
        for table, rows in world.snapshot().items()
    }


def _quoted(text: str) -> str:
    return quote(text.encode(errors="surrogatepass"), safe="")
