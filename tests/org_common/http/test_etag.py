"""Entity tags: ETag and If-None-Match of reads, If-Match of writes."""

import json

import pytest

from org_common import PUBLIC, App, Model, Precondition, Response
from org_common.http.etag import coded_tag, entity_tag, matches
from org_common.testing.client import Answer, Client


class Note(Model):
    note_text: str


app = App("tagged")


client = Client(app)


STORED: dict[str, Note] = {}


@app.get("/notes/{name}", allow=PUBLIC, cache="private, no-cache")
def read(name: str) -> Note:
    return STORED[name]


@app.put("/notes/{name}", allow=PUBLIC)
def replace(name: str, body: Note, precondition: Precondition) -> Note:
    precondition.check(STORED.get(name))
    STORED[name] = body
    return body


@app.delete("/notes/{name}", allow=PUBLIC)
def remove(name: str, precondition: Precondition) -> None:
    precondition.check(STORED.get(name), required=True)


@pytest.fixture(autouse=True)
def stored() -> None:
    STORED.clear()
    STORED["a"] = Note(note_text="first")


def get(**headers: str) -> Answer:
    return client.get("/notes/a", headers={name.replace("_", "-"): value for name, value in headers.items()})


def put(name: str = "a", **headers: str) -> Answer:
    dashed = {header.replace("_", "-"): value for header, value in headers.items()}
    return client.put(f"/notes/{name}", {"noteText": "second"}, headers=dashed)


def test_get_has_a_tag_of_its_content() -> None:
    first = get().headers["etag"]
    STORED["a"] = Note(note_text="other")

    assert first.startswith('"')
    assert get().headers["etag"] != first


@pytest.mark.parametrize("header", ["{tag}", "W/{tag}", '"x", {tag}', "*"])
def test_known_tag_gets_304(header: str) -> None:
    tag = get().headers["etag"]

    response = get(if_none_match=header.format(tag=tag))

    assert (response.status, response.body) == (304, b"")
    assert (response.headers["etag"], response.headers["cache-control"]) == (tag, "private, no-cache")
    assert "content-type" not in response.headers
    assert "content-security-policy" in response.headers


def test_other_tag_gets_the_content() -> None:
    assert get(if_none_match='"another"').json() == {"noteText": "first"}


def test_head_has_the_tag_of_get() -> None:
    response = client.send("HEAD", "/notes/a")

    assert (response.status, response.body, response.headers["etag"]) == (200, b"", get().headers["etag"])
    assert client.send("HEAD", "/notes/a", headers={"if-none-match": response.headers["etag"]}).status == 304


def test_compressed_response_has_an_equivalent_tag() -> None:
    STORED["a"] = Note(note_text="long " * 1000)
    plain, compressed = get(), get(accept_encoding="gzip")

    assert compressed.headers["etag"] == coded_tag(plain.headers["etag"], "gzip") != plain.headers["etag"]
    assert get(if_none_match=compressed.headers["etag"]).status == 304
    assert get(if_none_match=compressed.headers["etag"], accept_encoding="gzip").headers["vary"] == "accept-encoding"
    assert put(if_match=compressed.headers["etag"]).status == 200


def test_problems_and_writes_have_no_tag() -> None:
    assert "etag" not in client.get("/nothing").headers
    assert "etag" not in put().headers


def test_tag_set_by_a_handler_is_used() -> None:
    own = App("own")
    own.get("/", allow=PUBLIC)(lambda: Response(b"x", headers={"ETag": 'W/"7"'}))

    assert Client(own).get("/").headers["etag"] == 'W/"7"'
    assert Client(own).get("/", headers={"if-none-match": '"7"'}).status == 304


@pytest.mark.parametrize("own", ['"7"', 'W/"7"', '"a-gzip"', '"a,b"', '"a, b-br"', "7"])
def test_tag_set_by_a_handler_is_recognized(own: str) -> None:
    tagged = App("own")
    headers = {"etag": own, "content-type": "text/plain"}
    tagged.get("/", allow=PUBLIC)(lambda: Response(b"x" * 2000, headers=headers))

    for accept in ({}, {"accept-encoding": "gzip"}):
        tag = Client(tagged).get("/", headers=accept).headers["etag"]
        for known in (tag, f'"x,y", {tag}', f'{tag},"z"'):
            assert Client(tagged).get("/", headers={**accept, "if-none-match": known}).status == 304
        assert Client(tagged).get("/", headers={**accept, "if-none-match": f'"x{tag}"'}).status == 200


def test_tag_depends_on_the_bytes() -> None:
    assert entity_tag(b"a") == entity_tag(b"a") != entity_tag(b"b")
    assert json.loads(entity_tag(b"a")).isalnum()


@pytest.mark.parametrize(
    ("header", "strong", "weak"),
    [('"a"', True, True), ('W/"a"', False, True), ('"a-gzip"', True, True), ('"b"', False, False), ("a", False, False)],
)
def test_lists_are_compared_strongly_or_weakly(header: str, strong: bool, weak: bool) -> None:
    matches_by_strength = (matches(header, '"a"', weakly=False), matches(header, '"a"', weakly=True))

    assert matches_by_strength == (strong, weak)
