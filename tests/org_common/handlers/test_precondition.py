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
    given = {each.replace("_", "-"): value for each, value in headers.items()}
    return client.put(f"/notes/{name}", {"noteText": "second"}, headers=given)


def test_change_of_what_was_read_is_made() -> None:
    assert put(if_match=get().headers["etag"]).status == 200


@pytest.mark.parametrize("sent", ['"another"', "", "W/{tag}", "{tag}x"])
def test_change_of_something_else_is_refused(sent: str) -> None:
    answer = put(if_match=sent.format(tag=get().headers["etag"]))

    assert (answer.status, answer.json()["code"]) == (412, "precondition_failed")
    assert STORED["a"].note_text == "first"


def nothing() -> None: ...


def test_condition_that_nobody_would_look_at_is_refused() -> None:
    plain = App("plain")
    plain.put("/notes", allow=PUBLIC)(nothing)
    plain.get("/notes", allow=PUBLIC)(nothing)
    sent = {"if-match": '"1"'}

    assert Client(plain).put("/notes", headers=sent).json()["code"] == "no_conditions"
    assert Client(plain).get("/notes", headers=sent).status == 204


def test_star_is_whatever_is_there() -> None:
    assert put(if_match="*").status == 200
    assert put("b", if_match="*").status == 412


def test_creation_only_where_there_is_nothing() -> None:
    assert put(if_none_match="*").status == 412
    assert put("b", if_none_match="*").status == 200


def test_change_without_a_condition_is_the_handler_s_to_allow() -> None:
    assert put().status == 200
    assert (client.delete("/notes/a").status, client.delete("/notes/a").json()["code"]) == (
        428,
        "precondition_required",
    )
