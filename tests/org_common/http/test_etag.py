"""Entity tags: of what is read, and of what a change was made for."""

import json
from typing import Any

import pytest

from org_common import PUBLIC, App, Model, Precondition, Response
from org_common.http.etag import matches, packed_tag, tag
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
    given = {each.replace("_", "-"): value for each, value in headers.items()}
    return client.put(f"/notes/{name}", {"noteText": "second"}, headers=given)


def test_what_is_read_has_a_tag_of_its_content() -> None:
    first = get().headers["etag"]
    STORED["a"] = Note(note_text="other")

    assert first.startswith('"')
    assert get().headers["etag"] != first


@pytest.mark.parametrize("sent", ["{tag}", "W/{tag}", '"x", {tag}', "*"])
def test_what_the_caller_has_is_not_sent_again(sent: str) -> None:
    tag = get().headers["etag"]

    answer = get(if_none_match=sent.format(tag=tag))

    assert (answer.status, answer.body) == (304, b"")
    assert (answer.headers["etag"], answer.headers["cache-control"]) == (tag, "private, no-cache")
    assert "content-type" not in answer.headers
    assert "content-security-policy" in answer.headers


def test_what_has_changed_is_sent() -> None:
    assert get(if_none_match='"another"').json() == {"noteText": "first"}


def test_head_is_tagged_as_get() -> None:
    answer = client.send("HEAD", "/notes/a")

    assert (answer.status, answer.body, answer.headers["etag"]) == (200, b"", get().headers["etag"])
    assert client.send("HEAD", "/notes/a", headers={"if-none-match": answer.headers["etag"]}).status == 304


def test_other_bytes_have_another_tag_that_means_the_same() -> None:
    STORED["a"] = Note(note_text="long " * 1000)
    plain, packed = get(), get(accept_encoding="gzip")

    assert packed.headers["etag"] == packed_tag(plain.headers["etag"], "gzip") != plain.headers["etag"]
    assert get(if_none_match=packed.headers["etag"]).status == 304
    assert get(if_none_match=packed.headers["etag"], accept_encoding="gzip").headers["vary"] == "accept-encoding"
    assert put(if_match=packed.headers["etag"]).status == 200


def test_problems_and_writes_have_no_tag() -> None:
    assert "etag" not in client.get("/nothing").headers
    assert "etag" not in put().headers


def test_tag_of_a_handler_s_own_counts() -> None:
    own = App("own")
    own.get("/", allow=PUBLIC)(lambda: Response(b"x", headers={"ETag": 'W/"7"'}))

    assert Client(own).get("/").headers["etag"] == 'W/"7"'
    assert Client(own).get("/", headers={"if-none-match": '"7"'}).status == 304


@pytest.mark.parametrize("own", ['"7"', 'W/"7"', '"a-gzip"', '"a,b"', '"a, b-br"', "7"])
def test_tag_of_a_handler_s_own_is_known_again(own: str) -> None:
    tagged = App("own")
    headers = {"etag": own, "content-type": "text/plain"}
    tagged.get("/", allow=PUBLIC)(lambda: Response(b"x" * 2000, headers=headers))

    for sent in ({}, {"accept-encoding": "gzip"}):
        tag = Client(tagged).get("/", headers=sent).headers["etag"]
        for known in (tag, f'"x,y", {tag}', f'{tag},"z"'):
            assert Client(tagged).get("/", headers={**sent, "if-none-match": known}).status == 304
        assert Client(tagged).get("/", headers={**sent, "if-none-match": f'"x{tag}"'}).status == 200


def test_tag_is_of_the_bytes() -> None:
    assert tag(b"a") == tag(b"a") != tag(b"b")
    assert json.loads(tag(b"a")).isalnum()


@pytest.mark.parametrize(
    ("header", "strong", "weak"),
    [('"a"', True, True), ('W/"a"', False, True), ('"a-gzip"', True, True), ('"b"', False, False), ("a", False, False)],
)
def test_lists_are_compared_strongly_or_weakly(header: str, strong: bool, weak: bool) -> None:
    got: Any = (matches(header, '"a"', weakly=False), matches(header, '"a"', weakly=True))

    assert got == (strong, weak)
