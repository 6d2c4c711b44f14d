"""Who else would see the rows: counted for each demo user, without an effect."""

from collections.abc import Callable, Mapping

import pytest

from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.capture import Capture
from org_common.tools.serve.console.people import People
from org_common.tools.serve.console.viewers import MAX_PEOPLE, Viewer, viewers
from tests.org_common.tools.serve.console.conftest import ACME, statement_of

pytestmark = pytest.mark.db
Ask = Callable[..., Capture]


def test_rows_of_each_person_are_counted_and_compared(ask: Ask, people: People, urls: Mapping[str, str]) -> None:
    found = {each.person: each for each in viewers(statement_of(ask("/orgs"), b"select id"), people, urls)}

    assert found["alice"] == Viewer("alice", None, rows=1, shared=1, error=None)
    assert found["carol"] == Viewer("carol", None, rows=1, shared=1, error=None)
    # Each person sees only the rows of their own organization.
    assert found["bob"] == Viewer("bob", None, rows=1, shared=0, error=None)
    assert list(found) == list(people.names)


def test_rule_decides_for_each_person(ask: Ask, people: People, urls: Mapping[str, str]) -> None:
    statement = statement_of(ask(f"/orgs/{ACME}/members"), b"select m.user_id")

    found = {each.person: each for each in viewers(statement, people, urls)}

    assert (found["carol"].rule, found["carol"].shared) == ("allowed", 2)
    assert (found["bob"].rule, found["bob"].rows, found["bob"].shared) == ("denied: 404", 0, 0)


def test_unknown_user_is_reported(ask: Ask, people: People, urls: Mapping[str, str]) -> None:
    people.names = ("alice", "mallory")

    [alice, mallory] = viewers(statement_of(ask("/orgs"), b"select id"), people, urls)

    assert (alice.rows, mallory.rows, mallory.rule) == (1, None, "unknown user: 403")


def test_people_are_bounded(ask: Ask, people: People, urls: Mapping[str, str]) -> None:
    people.names = ["alice"] * (MAX_PEOPLE + 1)

    assert len(viewers(statement_of(ask("/orgs"), b"select id"), people, urls)) == MAX_PEOPLE


def test_statement_that_writes_is_refused(ask: Ask, people: People, urls: Mapping[str, str]) -> None:
    with pytest.raises(ToolError, match="only a statement that reads can be repeated"):
        viewers(statement_of(ask("/rename", method="POST"), b"update"), people, urls)


def test_public_statement_is_the_same_for_everyone(ask: Ask, people: People, urls: Mapping[str, str]) -> None:
    with pytest.raises(ToolError, match="everyone sees the same rows"):
        viewers(statement_of(ask("/public", None), b"select 1"), people, urls)
