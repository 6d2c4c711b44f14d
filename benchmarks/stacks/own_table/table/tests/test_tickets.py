"""Who may do what with tickets: real requests on a real database."""

import pytest
from conftest import ACME, client
from help_desk.database import begin, engine
from help_desk.tickets import TicketRow
from sqlalchemy import select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

PATH = f"/orgs/{ACME}/tickets"
NEW = {"subject": "Printer is on fire", "priority": 1}
CHANGED = {"subject": "Printer has burnt down"}


@pytest.fixture
def location() -> str:
    return f"{PATH}/{client('alice').post(PATH, json=NEW).json()['id']}"


def test_members_read_it(location: str) -> None:
    assert client("carol").get(location).json()["subject"] == NEW["subject"]


def test_list_has_it(location: str) -> None:
    items = client("carol").get(PATH).json()["items"]
    assert [f"{PATH}/{item['id']}" for item in items] == [location]


def test_member_changes_it(location: str) -> None:
    assert client("carol").patch(location, json=CHANGED).status_code == 200
    assert client("alice").get(location).json()["subject"] == CHANGED["subject"]


def test_only_admins_delete_it(location: str) -> None:
    assert client("carol").delete(location).status_code == 403
    assert client("alice").delete(location).status_code == 204
    assert client("alice").get(location).status_code == 404


def test_member_of_another_org_gets_404(location: str) -> None:
    bob = client("bob")
    assert bob.get(location).status_code == 404
    assert bob.patch(location, json=CHANGED).status_code == 404
    assert bob.delete(location).status_code == 404
    assert bob.post(PATH, json=NEW).status_code == 404
    assert bob.get(PATH).status_code == 404


def test_request_without_a_token_gets_401(location: str) -> None:
    assert client(None).get(location).status_code == 401


def test_policy_hides_rows(location: str) -> None:
    with Session(engine) as session, session.begin():
        begin(session, "bob")
        assert session.scalars(select(TicketRow)).all() == []


def test_policy_refuses_rows_for_another_org() -> None:
    with Session(engine) as session:
        begin(session, "bob")
        session.add(TicketRow(org_id=ACME, **NEW))
        with pytest.raises(ProgrammingError, match="row-level security"):
            session.flush()
