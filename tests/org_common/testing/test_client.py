"""Requests to an app without a server."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Annotated, Any

import pytest

from org_common import ALB, PUBLIC, TOKEN, App, Bearer, Deadline, Header, Identity, Model, Request, Response
from org_common.testing import client as client_module
from org_common.testing.client import ISSUER, Client, Person
from org_common.tools.serve.issuer import TokenIssuer

app = App("under-test")


class Note(Model):
    text: str


@app.get("/me", allow=TOKEN)
def me(identity: Identity) -> dict[str, Any]:
    return {"sub": identity.subject, "iss": identity.issuer, "email": identity.email, "ok": identity.email_verified}


@app.get("/echo", allow=PUBLIC)
def get_echo(q: str = "", page_size: int = 0) -> dict[str, Any]:
    return {"method": "GET", "q": q, "pageSize": page_size}


@app.post("/echo", allow=PUBLIC)
def post_echo(request: Request) -> dict[str, Any]:
    return {"method": request.method, "body": request.body.decode(), "headers": dict(request.headers)}


@app.put("/echo", allow=PUBLIC)
def put_echo(body: Note) -> dict[str, str]:
    return {"method": "PUT", "text": body.text}


@app.patch("/echo", allow=PUBLIC)
def patch_echo(body: Note) -> dict[str, str]:
    return {"method": "PATCH", "text": body.text}


@app.delete("/echo", allow=PUBLIC)
def delete_echo(x_reason: Annotated[str, Header()]) -> dict[str, str]:
    return {"method": "DELETE", "reason": x_reason}


@app.get("/bytes", allow=PUBLIC)
def get_bytes() -> Response:
    return Response(b"\xff\x00", headers={"content-type": "application/octet-stream"})


@app.get("/left", allow=PUBLIC)
def get_left(deadline: Deadline) -> float:
    return deadline.left_s()


client = Client(app)
alice = Person("alice", email="alice@example.com")


def test_without_a_person_there_is_no_token() -> None:
    assert client.get("/me").status == 401


def test_person_is_who_calls() -> None:
    answer = Client(app, person=alice).get("/me")

    assert answer.json() == {"sub": "alice", "iss": ISSUER, "email": "alice@example.com", "ok": True}


def test_person_without_an_email_has_none_verified() -> None:
    answer = client.as_(Person("bob", issuer="https://other.test")).get("/me")

    assert answer.json() == {"sub": "bob", "iss": "https://other.test", "email": None, "ok": False}


def test_client_of_another_user_does_not_change_the_first() -> None:
    first = Client(app, person=alice)

    second = first.as_(Person("bob"))

    assert first.get("/me").json()["sub"] == "alice"
    assert second.get("/me").json()["sub"] == "bob"
    assert second.as_(None).get("/me").status == 401


def test_token_of_a_person_can_have_expired() -> None:
    answer = client.as_(Person("alice", expires_in_s=-60)).get("/me")

    assert (answer.status, answer.json()["code"]) == (401, "token_expired")


def test_claims_are_as_fresh_as_the_request() -> None:
    assert json.loads(alice.claims())["exp"] == pytest.approx(time.time() + 3600, abs=5)


def test_person_is_shown_by_subject() -> None:
    assert repr(alice) == "Person('alice')"


def test_keywords_are_the_query_string() -> None:
    answer = client.get("/echo", q="a b&c=é", pageSize=5)

    assert answer.json() == {"method": "GET", "q": "a b&c=é", "pageSize": 5}


@pytest.mark.parametrize("body", [{"text": "é"}, [1], "text", 5, 0, False, {}], ids=repr)
def test_body_is_sent_as_json(body: object) -> None:
    sent = client.post("/echo", body).json()

    assert json.loads(sent["body"]) == body
    assert sent["headers"] == {"content-type": "application/json"}


def test_bytes_are_sent_as_they_are() -> None:
    assert client.post("/echo", b"{broken").json()["body"] == "{broken"


def test_request_without_a_body_has_no_content_type() -> None:
    sent = client.post("/echo").json()

    assert (sent["body"], sent["headers"]) == ("", {})


@pytest.mark.parametrize("name", ["content-type", "Content-Type"])
def test_given_content_type_wins(name: str) -> None:
    sent = client.post("/echo", b"a,b", headers={name: "text/csv"}).json()

    assert sent["headers"] == {"content-type": "text/csv"}


def test_put_and_patch_send_a_body() -> None:
    assert client.put("/echo", {"text": "a"}).json() == {"method": "PUT", "text": "a"}
    assert client.patch("/echo", {"text": "a"}).json() == {"method": "PATCH", "text": "a"}


def test_delete_sends_headers() -> None:
    assert client.delete("/echo", headers={"X-Reason": "spam"}).json() == {"method": "DELETE", "reason": "spam"}


def test_any_method_can_be_sent() -> None:
    assert client.send("PURGE", "/echo").status == 405


def test_query_can_be_sent_as_text() -> None:
    assert client.send("GET", "/echo", query="q=a%20b").json()["q"] == "a b"


def test_binary_response_is_bytes() -> None:
    answer = client.get("/bytes")

    assert answer.body == b"\xff\x00"
    assert answer.headers["content-type"] == "application/octet-stream"


def test_time_left_is_the_client_s() -> None:
    left_s = Client(app, timeout_s=60).get("/left").json()

    assert 30 < left_s <= 60


def test_client_of_another_user_has_the_same_timeout() -> None:
    left_s = Client(app, timeout_s=3).as_(alice).get("/left").json()

    assert left_s <= 3


def test_response_shows_status_and_the_start_of_its_body() -> None:
    assert repr(client.get("/echo")).startswith("Answer(200, b'{")
    assert len(repr(client.post("/echo", "a" * 5000))) < 400


# --- real tokens --------------------------------------------------------------------------------


def test_person_sends_a_token_that_its_issuer_signed() -> None:
    seen: list[str] = []
    open_to_all = App("open")

    @open_to_all.get("/seen", allow=TOKEN)
    def look(request: Request) -> None:
        seen.append(request.headers["authorization"])

    Client(open_to_all, person=alice).get("/seen")
    [sent] = seen

    assert alice.authorizer().verifier.authorize(sent).sub == "alice"


@pytest.mark.parametrize(
    "authorization", ["Bearer a.b.c", "Basic YTpi", f"Bearer {Person('eve', expires_in_s=-60).token()}"]
)
def test_another_header_than_the_person_s_is_what_is_verified(authorization: str) -> None:
    answer = Client(app, person=alice).get("/me", headers={"authorization": authorization})

    assert answer.status == 401


def test_token_that_lives_too_long_is_refused() -> None:
    assert Client(app, person=Person("alice", expires_in_s=25 * 3600)).get("/me").status == 401


def test_refusal_reports_why() -> None:
    answer = Client(app, person=Person("alice", expires_in_s=-60)).get("/me")

    assert answer.json()["detail"] == "The access token has expired."
    assert answer.headers["content-type"] == "application/problem+json"


def test_public_route_has_no_authorizer_in_front() -> None:
    assert Client(app, person=Person("alice", expires_in_s=-60)).get("/echo").status == 200


def test_person_can_have_an_unverified_email() -> None:
    answer = Client(app, person=Person("eve", email="root@example.com", email_verified=False)).get("/me")

    assert (answer.json()["email"], answer.json()["ok"]) == ("root@example.com", False)


@pytest.mark.parametrize(("tenant_id", "status"), [("acme", 200), ("globex", 403), (None, 200)])
def test_function_can_be_in_tenant_isolation_mode(tenant_id: str | None, status: int) -> None:
    sender = Client(app, person=Person("alice", tenant="acme"), tenant_id=tenant_id)

    assert sender.get("/me").status == sender.as_(Person("bob", tenant="acme")).get("/me").status == status


def test_what_a_person_claims_is_what_its_token_says() -> None:
    person = Person("alice", email="alice@example.com", tenant="acme")

    actual = json.loads(person.authorizer().authorize(f"Bearer {person.token()}"))
    claimed = json.loads(person.claims())

    assert {**actual, "exp": 0, "jti": ""} == {**claimed, "exp": 0, "jti": ""}


def test_app_that_something_else_invokes_is_handed_the_request() -> None:
    behind_alb = App("alb", identity=Bearer(verifier=TokenIssuer(ISSUER).verifier()), events=(ALB,))

    @behind_alb.get("/me", allow=TOKEN)
    def caller(identity: Identity) -> str:
        return identity.subject

    assert Client(behind_alb, person=alice).get("/me").json() == "alice"
    assert Client(behind_alb).get("/me").status == 401


def test_threads_that_begin_together_have_one_issuer() -> None:
    """`cache` alone calls the function twice for concurrent threads, and no authorizer would know one of the keys."""
    barrier = Barrier(8)

    def make(_: int) -> object:
        barrier.wait()
        return client_module._issuer("https://of-threads.test", "")

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(make, range(8)))

    assert all(each is made[0] for each in made)
