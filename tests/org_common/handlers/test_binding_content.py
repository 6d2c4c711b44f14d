"""Which bodies are read: by presence, content type, size and encoding."""

import base64

import pytest

from org_common import PUBLIC, App, Model
from org_common.events import http_api as gateway
from org_common.testing.client import Answer, Client
from org_common.values.types import LocalContext

LIMIT_BYTES = 1024 * 1024


class Thing(Model):
    name: str


class Counted(Model):
    times: int = 0


DEFAULT = Thing(name="default")

app = App("contents")
client = Client(app)


@app.post("/things", allow=PUBLIC)
def create(body: Thing) -> Thing:
    return body


@app.post("/maybe", allow=PUBLIC)
def create_maybe(body: Thing = DEFAULT) -> Thing:
    return body


@app.post("/nothing", allow=PUBLIC)
def do_nothing() -> None: ...


def test_missing_body_is_a_bad_request() -> None:
    response = client.post("/things")

    assert (response.status, response.json()["code"]) == (400, "missing_body")


def test_body_is_not_read_for_a_handler_without_one() -> None:
    assert client.post("/nothing", b"{broken", headers={"content-type": "text/csv"}).status == 204


def test_each_request_has_its_own_copy_of_the_default() -> None:
    app = App("defaults")

    @app.post("/count", allow=PUBLIC)
    def count(body: Counted = Counted(), form: list[int] = [0]) -> list[int]:  # noqa: B006, B008 - what is tested
        body.times += 1
        form.append(1)
        return [body.times, len(form)]

    assert [Client(app).post("/count").json() for _ in range(2)] == [[1, 2], [1, 2]]


def test_body_with_a_default_may_be_left_out() -> None:
    assert client.post("/maybe").json()["name"] == "default"
    assert client.post("/maybe", {"name": "a"}).json()["name"] == "a"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        "application/merge-patch+json",
        "application/vnd.api+json; ext=x",
        # RFC 9110 section 8.3.1: media types are not case-sensitive.
        "Application/JSON",
        "APPLICATION/JSON; CHARSET=UTF-8",
    ],
)
def test_json_media_types_are_read(content_type: str) -> None:
    assert client.post("/things", {"name": "a"}, headers={"content-type": content_type}).status == 200


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "text/json",
        "text/x+json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/octet-stream",
        "application/xml",
        "",
        "application/jsonp",
        "application/json-seq",
        "text/plain; x=+json",
        "multipart/form-data; boundary=a+json",
    ],
)
def test_other_media_types_are_unsupported(content_type: str) -> None:
    response = client.post("/things", {"name": "a"}, headers={"content-type": content_type})

    assert (response.status, response.json()["code"]) == (415, "unsupported_media_type")


def sized(size_bytes: int) -> bytes:
    return b'{"name":"a"}'.ljust(size_bytes)


def test_body_of_a_megabyte_is_read() -> None:
    assert client.post("/things", sized(LIMIT_BYTES)).status == 200


def test_longer_body_is_too_large() -> None:
    response = client.post("/things", sized(LIMIT_BYTES + 1))

    assert (response.status, response.json()["code"]) == (413, "payload_too_large")


def post_base64(body: bytes | str) -> Answer:
    """Send a body as API Gateway does when it treats it as binary."""
    event = gateway.event("POST", "/things", headers={"content-type": "application/json"})
    event.update(body=base64.b64encode(body).decode() if isinstance(body, bytes) else body, isBase64Encoded=True)
    return Answer(app(event, LocalContext("r-1", 29)))


def test_base64_body_is_read() -> None:
    assert post_base64(b'{"name": "a"}').json()["name"] == "a"


def test_size_limit_is_that_of_the_decoded_body() -> None:
    assert post_base64(sized(LIMIT_BYTES)).status == 200
    assert post_base64(sized(LIMIT_BYTES + 1)).status == 413


def test_invalid_base64_is_a_bad_request() -> None:
    response = post_base64("%%%")

    assert (response.status, response.json()["code"]) == (400, "invalid_base64")
