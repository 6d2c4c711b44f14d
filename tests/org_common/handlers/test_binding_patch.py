"""Merge patches (RFC 7396): absent fields are unchanged, null clears a field."""

from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import Field

from org_common import PUBLIC, App, Model, Patch
from org_common.testing.client import Client


class Part(Model):
    part_name: str


class ThingPatch(Patch):
    name: Annotated[str, Field(min_length=1)]
    logo_url: str | None
    parts: list[Part]


app = App("patches")
client = Client(app)


@app.patch("/things/{thing_id}", allow=PUBLIC)
def change(thing_id: UUID, body: ThingPatch) -> dict[str, Any]:
    return body.sent()


PATCHED = "/things/0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"


@pytest.mark.parametrize(
    ("sent", "fields"),
    [
        pytest.param({}, {}, id="nothing"),
        pytest.param({"name": "a"}, {"name": "a"}, id="value"),
        pytest.param({"logoUrl": None}, {"logo_url": None}, id="null clears"),
        pytest.param({"parts": []}, {"parts": []}, id="empty list"),
        pytest.param({"parts": [{"partName": "a"}]}, {"parts": [{"part_name": "a"}]}, id="nested"),
    ],
)
def test_patch_has_the_fields_that_were_sent(sent: object, fields: object) -> None:
    assert client.patch(PATCHED, sent).json() == fields


@pytest.mark.parametrize(
    ("sent", "pointer", "code"),
    [
        pytest.param({"name": None}, "#/name", "string_type", id="null for a string"),
        pytest.param({"parts": None}, "#/parts", "list_type", id="null for a list"),
        pytest.param({"name": ""}, "#/name", "string_too_short", id="constraint"),
        pytest.param({"logo_url": None}, "#/logo_url", "extra_forbidden", id="snake_case"),
        pytest.param({"id": "x"}, "#/id", "extra_forbidden", id="unknown"),
    ],
)
def test_invalid_patch_is_reported_with_its_pointer(sent: object, pointer: str, code: str) -> None:
    response = client.patch(PATCHED, sent)

    assert response.status == 422
    assert [(fault["pointer"], fault["code"]) for fault in response.json()["errors"]] == [(pointer, code)]
