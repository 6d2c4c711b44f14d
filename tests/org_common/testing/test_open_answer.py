"""`Client.stream`: a test receives items as the handler produces them, and may hang up."""

import json
from collections.abc import Iterator

import pytest

from org_common import PUBLIC, TOKEN, App, Conflict, Event, Stream
from org_common.testing import Client, Person

app = App("open-answer")
log: list[str] = []


@app.get("/count", allow=PUBLIC)
def count(fail: bool = False, raw: bool = False) -> Stream:
    def items() -> Iterator[Event | bytes | None]:
        try:
            for number in range(3):
                log.append(f"produced {number}")
                yield None
                yield f"{number}\n".encode() if raw else Event(str(number))
                if fail:
                    raise Conflict("Not now.", code="not_now")
        except GeneratorExit:
            log.append("hung up")
            raise

    return Stream(items(), content_type="text/csv") if raw else Stream(items())


@app.get("/mine", allow=TOKEN)
def mine() -> Stream:
    return Stream([Event("mine")])


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    log.clear()


def test_items_arrive_as_they_are_produced() -> None:
    with Client(app).stream("GET", "/count") as answer:
        first = next(iter(answer))
        produced = [*log]
        rest = list(answer)

    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    assert (first, produced) == (Event("0"), ["produced 0"])
    assert rest == [Event("1"), Event("2")]
    assert "hung up" not in log


def test_leaving_the_block_hangs_up() -> None:
    with Client(app).stream("GET", "/count") as answer:
        next(iter(answer))

    assert log == ["produced 0", "hung up"]


def test_stream_that_no_one_reads_is_not_produced() -> None:
    with Client(app).stream("GET", "/count"):
        pass

    assert log == []


def test_error_is_an_event() -> None:
    with Client(app).stream("GET", "/count", query="fail=true") as answer:
        first, error = answer

    assert (first, error.event, json.loads(error.data)["code"]) == (Event("0"), "error", "not_now")


def test_bytes_arrive_and_end_in_the_exception() -> None:
    with Client(app).stream("GET", "/count", query="raw=true") as answer:
        assert list(answer) == [b"0\n", b"1\n", b"2\n"]
    with (
        Client(app).stream("GET", "/count", query="raw=true&fail=true") as answer,
        pytest.raises(Conflict, match="Not now"),
    ):
        list(answer)


def test_other_responses_are_read_too() -> None:
    with Client(app).stream("GET", "/nothing") as answer:
        [body] = answer

    assert (answer.status, json.loads(body)["code"]) == (404, "unknown_route")


@pytest.mark.parametrize(
    ("person", "status"), [(None, 401), (Person("a", expires_in_s=-3600), 401), (Person("a"), 200)]
)
def test_caller_is_authorized(person: Person | None, status: int) -> None:
    with Client(app, person=person).stream("GET", "/mine") as answer:
        assert answer.status == status
