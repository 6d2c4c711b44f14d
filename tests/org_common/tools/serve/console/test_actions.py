"""What a click sends: the statement of a request by its place, in JSON."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.actions import Actions
from org_common.tools.serve.console.capture import Capture
from org_common.tools.serve.console.people import People
from org_common.tools.serve.console.recorder import Recorder
from tests.org_common.tools.serve.console.conftest import SECRET

Ask = Callable[..., Capture]


def act(name: str, capture: Capture, people: People, urls: Mapping[str, str], start: str) -> Any:
    recorder = Recorder()
    recorder.add(capture)
    [record] = recorder.since(0)
    [place] = [
        (at, number)
        for at, trip in enumerate(record.round_trips)
        for number, statement in enumerate(trip.statements)
        if statement.sql.startswith(start)
    ]
    return Actions(recorder, people, urls).by_name[name]({"id": record.id, "trip": place[0], "statement": place[1]})


@pytest.mark.db
def test_statement_is_explained_without_its_values(ask: Ask, people: People, urls: Mapping[str, str]) -> None:
    found = act("explain", ask("/orgs"), people, urls, "select id")

    assert [policy["name"] for policy in found["tables"][0]["policies"]] == ["members_read"]
    assert SECRET not in json.dumps(found)


@pytest.mark.db
def test_viewers_are_listed(ask: Ask, people: People, urls: Mapping[str, str]) -> None:
    found = act("viewers", ask("/orgs"), people, urls, "select id")

    assert [each["person"] for each in found] == list(people.names)
    assert SECRET not in json.dumps(found)


def test_people_are_those_of_the_demo(people: People) -> None:
    assert Actions(Recorder(), people).people() == list(people.names)


@pytest.mark.parametrize("name", ["explain", "viewers"])
@pytest.mark.parametrize(
    "body", [{}, {"trip": 0}, {"trip": 0, "statement": "0"}, {"id": "1", "trip": 0, "statement": 0}]
)
def test_other_places_are_refused(people: People, name: str, body: dict[str, Any]) -> None:
    with pytest.raises(ToolError):
        Actions(Recorder(), people, {"": ""}).by_name[name](body)


def test_console_without_a_database_says_so(people: People) -> None:
    actions = Actions(Recorder(), people)

    assert actions.panels() == {}
    with pytest.raises(ToolError, match="no database"):
        actions.by_name["explain"]({"id": 1, "trip": 0, "statement": 0})
    with pytest.raises(ToolError, match="no schedules"):
        actions.by_name["run"]({"schedule": "purge"})
