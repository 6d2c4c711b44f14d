"""Conditional requests of handlers that take a Precondition."""

import pytest

from org_common import PUBLIC, App, Model, Precondition
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


def test_write_with_the_current_tag_succeeds() -> None:
    assert put(if_match=get().headers["etag"]).status == 200


@pytest.mark.parametrize("if_match", ['"another"', "", "W/{tag}", "{tag}x"])
def test_write_with_another_tag_is_refused(if_match: str) -> None:
    response = put(if_match=if_match.format(tag=get().headers["etag"]))

    assert (response.status, response.json()["code"]) == (412, "precondition_failed")
    assert STORED["a"].note_text == "first"


def nothing() -> None: ...


def test_condition_that_the_handler_does_not_check_is_refused() -> None:
    plain = App("plain")
    plain.put("/notes", allow=PUBLIC)(nothing)
    plain.get("/notes", allow=PUBLIC)(nothing)
    headers = {"if-match": '"1"'}

    assert Client(plain).put("/notes", headers=headers).json()["code"] == "no_conditions"
    assert Client(plain).get("/notes", headers=headers).status == 204


def test_star_matches_any_stored_state() -> None:
    assert put(if_match="*").status == 200
    assert put("b", if_match="*").status == 412


def test_if_none_match_star_allows_only_creation() -> None:
    assert put(if_none_match="*").status == 412
    assert put("b", if_none_match="*").status == 200


def test_handler_decides_whether_a_condition_is_required() -> None:
    assert put().status == 200
    assert (client.delete("/notes/a").status, client.delete("/notes/a").json()["code"]) == (
        428,
        "precondition_required",
    )
