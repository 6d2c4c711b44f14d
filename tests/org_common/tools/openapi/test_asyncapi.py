"""The document is valid by an independent model of AsyncAPI 3, and says who may do what."""

import json
import warnings
from typing import Any

import pytest

from org_common import App
from org_common.tools.openapi.asyncapi import document
from org_common.tools.openapi.document import dump
from tests.org_common.tools.project.test_triggers import app

with warnings.catch_warnings():
    # Its fields named `schema` hide an attribute of pydantic's.
    warnings.simplefilter("ignore", UserWarning)
    from asyncapi3 import AsyncAPI3  # type: ignore[import-untyped]
    from pydantic import ValidationError


@pytest.fixture
def found() -> dict[str, Any]:
    return json.loads(dump(document([app], title="jobs", version="1")))  # type: ignore[no-any-return]


def test_document_is_valid(found: dict[str, Any]) -> None:
    AsyncAPI3.model_validate(found)


@pytest.mark.parametrize(
    "broken",
    [
        {"asyncapi": "2.6.0"},
        {"info": {"title": "jobs"}},
        {"operations": {"x": {"action": "publish", "channel": {"$ref": "#/channels/jobs_sqs_ingest"}}}},
        {"channels": {"x": {"messages": []}}},
    ],
)
def test_broken_document_is_not(found: dict[str, Any], broken: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AsyncAPI3.model_validate(found | broken)


def test_references_lead_somewhere(found: dict[str, Any]) -> None:
    references = [value for name, value in pairs(found) if name == "$ref"]

    assert len(references) > 8
    for reference in references:
        target: Any = found
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        assert isinstance(target, dict)


def pairs(value: Any) -> list[tuple[str, Any]]:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    own = list(value.items()) if isinstance(value, dict) else []
    return own + [pair for child in children for pair in pairs(child)]


def test_operation_says_who_may_do_what(found: dict[str, Any]) -> None:
    assert found["operations"]["jobs_sqs_ingest"] == {
        "action": "receive",
        "channel": {"$ref": "#/channels/jobs_sqs_ingest"},
        "summary": "Store an order.",
        "tags": [{"name": "jobs"}],
        "messages": [{"$ref": "#/channels/jobs_sqs_ingest/messages/jobs_sqs_ingest"}],
        "x-access-rule": "OrgCheck('org_user')",
        "x-caller": "sender",
        "x-database-role": "authenticated",
    }
    assert found["components"]["messages"]["jobs_sqs_ingest"]["payload"] == {"$ref": "#/components/schemas/Order"}
    assert list(found["components"]["schemas"]["Order"]["properties"]) == ["orgId"]
    assert found["channels"]["jobs_schedule_purge"]["x-source"] == {
        "expression": "rate(1 day)",
        "timezone": "Europe/Berlin",
    }


def test_app_without_triggers() -> None:
    assert document([App("empty")], title="empty")["operations"] == {}


def test_names_that_are_alike_stay_apart() -> None:
    twice = document([app, app], title="jobs")

    assert "jobs_sqs_ingest_2" in twice["operations"]
