"""Binding of path parameters to a handler's arguments; the formats of ids and numbers, there and elsewhere."""

from typing import Any
from uuid import UUID

import pytest

from org_common import PUBLIC, App
from org_common.testing.client import Answer, Client

ID = "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"

app = App("paths")
client = Client(app)


@app.get("/ids/{org_id}", allow=PUBLIC)
def by_id(org_id: UUID) -> dict[str, Any]:
    return {"type": type(org_id).__name__, "value": org_id}


@app.get("/numbers/{number}", allow=PUBLIC)
def by_number(number: int) -> dict[str, Any]:
    return {"type": type(number).__name__, "value": number}


@app.get("/pairs/{first}/{second_part}", allow=PUBLIC)
def by_pair(second_part: str, first: str) -> list[str]:
    return [first, second_part]


@app.get("/maybe", allow=PUBLIC)
def maybe(number: int | None = None, org_id: UUID | None = None, ratio: float = 0) -> Any:
    return {"number": number, "orgId": org_id, "ratio": ratio}


def faults(response: Answer) -> list[tuple[str, str, str]]:
    """Place, pointer and code of each fault of a 422."""
    return [(fault["in"], fault["pointer"], fault["code"]) for fault in response.json()["errors"]]


@pytest.mark.parametrize("sent", [ID, ID.upper(), "00000000-0000-0000-0000-000000000000", ID.replace("0", "%30")])
def test_path_uuid_has_36_characters(sent: str) -> None:
    response = client.get(f"/ids/{sent}")

    assert response.json()["type"] == "UUID"


@pytest.mark.parametrize(
    "sent",
    [
        "{" + ID + "}",
        "urn:uuid:" + ID,
        ID.replace("-", ""),
        ID + "0",
        ID[:-1],
        ID[:-1] + "g",
        ID.replace("-", "_"),
        f"{ID}%20",
        f"{ID}%0A",
        ID.replace("0", "%EF%BC%90"),
        "me",
        "%00",
    ],
)
def test_other_format_of_a_uuid_is_refused(sent: str) -> None:
    response = client.get(f"/ids/{sent}")

    assert (response.status, faults(response)) == (422, [("path", "#/orgId", "uuid_parsing")])


@pytest.mark.parametrize(("sent", "value"), [("20", 20), ("0", 0), ("-7", -7), ("9" * 18, int("9" * 18)), ("%32", 2)])
def test_path_integer_is_digits_with_or_without_a_minus(sent: str, value: int) -> None:
    assert client.get(f"/numbers/{sent}").json() == {"type": "int", "value": value}


INVALID_INTEGERS = [
    pytest.param("%2020%20", id="spaces"),
    pytest.param("2_0", id="underscore"),
    pytest.param("%2B20", id="plus"),
    pytest.param("20.0", id="point"),
    pytest.param("2e1", id="exponent"),
    pytest.param("0x14", id="hexadecimal"),
    pytest.param("%EF%BC%92", id="full-width digit"),
    pytest.param("%D9%A2", id="Arabic digit"),
    pytest.param("20%0A", id="newline"),
    pytest.param("--2", id="two minus"),
    pytest.param("-", id="only a minus"),
    pytest.param("true", id="bool"),
    pytest.param("9" * 19, id="19 digits"),
    pytest.param("9" * 5000, id="5000 digits"),
]


@pytest.mark.parametrize("sent", INVALID_INTEGERS)
def test_other_format_of_an_integer_is_refused(sent: str) -> None:
    response = client.get(f"/numbers/{sent}")

    assert (response.status, faults(response)) == (422, [("path", "#/number", "int_parsing")])


@pytest.mark.parametrize("sent", INVALID_INTEGERS)
def test_optional_integer_is_equally_strict(sent: str) -> None:
    assert client.send("GET", "/maybe", query=f"number={sent}").status == 422


@pytest.mark.parametrize("sent", [f"{{{ID}}}", f"urn:uuid:{ID}", ID.replace("-", "")])
def test_optional_uuid_is_equally_strict(sent: str) -> None:
    assert client.get("/maybe", orgId=sent).status == 422


# regression: "nan" and "inf" were accepted and returned as null.
@pytest.mark.parametrize("sent", ["nan", "inf", "-Infinity", "1e999"])
def test_number_is_finite(sent: str) -> None:
    assert client.get("/maybe", ratio=sent).status == 422


def test_path_values_are_bound_by_name() -> None:
    assert client.get("/pairs/a/b").json() == ["a", "b"]


def test_path_is_decoded_once_escaped_slashes_included() -> None:
    """As API Gateway passes a path on."""
    assert client.get("/pairs/a%20b/c%3Fd").json() == ["a b", "c?d"]
    assert client.get("/pairs/a%2Fb").json() == ["a", "b"]
    assert client.get("/pairs/a%2541/b").json() == ["a%41", "b"]
