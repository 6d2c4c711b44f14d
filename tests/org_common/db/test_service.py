"""A transaction of nobody: another login, its own policies, and a reason in the log."""

import json
import logging
import signal
from collections.abc import Iterator

import pytest

from org_common.config.settings import Settings
from org_common.db import hooks, service
from org_common.db.database import Database
from org_common.db.service import default, service_database, service_transaction, service_url, use
from org_common.secrets.login import SecretUrl
from org_common.values.errors import OrgError
from tests.support.lab import INSERT, Lab, until

MINE = "lab service"


@pytest.fixture
def other(lab: Lab) -> Iterator[Database]:
    settings = Settings(service_database_url=lab.local.service_url, application_name=MINE)
    database = service_database(settings)
    yield database
    database.close()


@pytest.mark.db
def test_it_runs_as_the_service_and_for_nobody(other: Database) -> None:
    with service_transaction(reason="a look", database=other) as tx:
        assert tx.value("select current_user || ' ' || session_user") == "app_service app_service"
        assert json.loads(tx.value("select app.claims()::text")) == {"role": "app_service"}
        assert tx.value("select app.uid()") is None


@pytest.mark.db
def test_it_has_its_own_rights_and_no_others(other: Database) -> None:
    with pytest.raises(OrgError), service_transaction(reason="too much", database=other) as tx:
        tx.value("select count(*) from lab.notes")


@pytest.mark.db
def test_what_it_did_is_committed_at_the_end(lab: Lab, other: Database) -> None:
    lab.tell("insert into app.outbox (queue, message) values ('q', '{}'), ('q', '{}')")

    with pytest.raises(KeyError), service_transaction(reason="undone", database=other) as tx:
        tx.run("delete from app.outbox", rows=None)
        raise KeyError
    assert lab.ask("select count(*) from app.outbox where queue = 'q'") == 2

    with service_transaction(reason="done", database=other) as tx:
        tx.run("delete from app.outbox where queue = 'q'", rows=2)
    assert lab.ask("select count(*) from app.outbox where queue = 'q'") == 0


@pytest.mark.db
def test_who_moves_its_claims_gets_nothing_kept(lab: Lab, other: Database) -> None:
    lab.tell("insert into app.outbox (queue, message) values ('moved', '{}')")
    lab.tell(
        "create or replace function app.forged() returns text language sql "
        "as $$ select set_config('request.jwt.claims', '{}', true) $$; "
        "grant execute on function app.forged to app_service"
    )

    with pytest.raises(OrgError), service_transaction(reason="forged", database=other) as tx:
        tx.run("delete from app.outbox where queue = 'moved'", rows=1)
        tx.value("select app.forged()")

    assert lab.ask("select count(*) from app.outbox where queue = 'moved'") == 1


@pytest.mark.db
def test_the_login_of_requests_cannot_do_it(db: Database) -> None:
    with pytest.raises(OrgError), service_transaction(reason="forged", database=db) as tx:
        tx.run(INSERT, {"id": 1, "body": "x"}, rows=1)


@pytest.mark.db
def test_its_reason_is_logged(other: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), service_transaction(reason="purge of the test", database=other):
        pass

    assert "service transaction: purge of the test" in caplog.text


@pytest.mark.parametrize("reason", ["", "  "])
def test_without_a_reason_there_is_none(reason: str) -> None:
    with pytest.raises(TypeError, match="needs a reason"), service_transaction(reason=reason):
        pass


@pytest.mark.db
def test_the_environment_names_the_login(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_SERVICE_DATABASE_URL", lab.local.service_url)
    monkeypatch.setattr(service, "_default", None)

    with service_transaction(reason="a look") as tx:
        assert tx.value("select session_user::text") == "app_service"
    assert default() is default()
    default().close()


@pytest.mark.db
def test_another_database_closes_the_one_before(lab: Lab, other: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_default", None)
    use(other)
    with service_transaction(reason="a look") as tx:
        backend = tx.value("select pg_backend_pid()")

    assert default() is other
    use(None)
    assert until(lambda: lab.ask("select count(*) from pg_stat_activity where pid = %s", backend) == 0)


@pytest.mark.db
def test_the_end_of_the_environment_closes_its_connection(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_SERVICE_DATABASE_URL", lab.local.service_url)
    monkeypatch.setenv(hooks.RUNTIME_API, "127.0.0.1:9001")
    monkeypatch.setattr(service, "_default", None)
    before = signal.signal(signal.SIGTERM, lambda number, frame: None)
    try:
        with service_transaction(reason="a look") as tx:
            backend = tx.value("select pg_backend_pid()")
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)

    assert until(lambda: lab.ask("select count(*) from pg_stat_activity where pid = %s", backend) == 0)


def test_without_a_url_the_fault_is_the_settings() -> None:
    with pytest.raises(OrgError) as raised:
        service_url(Settings(database_url="postgresql://app_login@127.0.0.1/app"))()

    assert "ORG_COMMON_SERVICE_DATABASE_URL is not set" in str(raised.value.__cause__)


def test_a_secret_is_asked_for_where_there_is_one() -> None:
    assert isinstance(service_url(Settings(service_database_secret="prod/service")), SecretUrl)
