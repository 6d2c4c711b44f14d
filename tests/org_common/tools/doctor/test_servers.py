"""Checks of a real PostgreSQL and a real PgBouncer, set up well and badly."""

from collections.abc import Iterator
from urllib.parse import quote, urlsplit

import psycopg
import pytest

from org_common.tools.database.local import LocalDatabase
from org_common.tools.doctor.budget import Server
from org_common.tools.doctor.servers import _pooler_findings, _setting_findings, check_pooler, check_server
from tests.support.pgbouncer import PgBouncer

NOWHERE = "postgresql://app_login:hunter2@127.0.0.1:1/app"
GOOD = {"ssl": "on", "password_encryption": "scram-sha-256"}
POOL = {"pool_mode": "transaction", "query_wait_timeout": "10"}


@pytest.mark.db
def test_a_migrated_database_is_well(database: LocalDatabase) -> None:
    server, found = check_server(database.login_url)

    assert found == []
    with psycopg.connect(database.admin_url) as admin:
        assert server == Server(int((admin.execute("show max_connections").fetchone() or (0,))[0]), reserved=3)


@pytest.mark.db
def test_what_the_guard_finds_is_a_fault_with_its_fix(database: LocalDatabase) -> None:
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("create table app.bare (id int); grant select on app.bare to authenticated")

    _, [finding] = check_server(database.login_url)

    assert (finding.id, finding.level) == ("database.guard", "fault")
    assert finding.reason == "authenticated has rights on app.bare without row-level security"
    assert finding.fix == "alter table app.bare enable row level security"


def test_unreachable_server_is_reported_without_the_password() -> None:
    server, [finding] = check_server(NOWHERE)

    assert (server, finding.id) == (None, "database.unreachable")
    assert "hunter2" not in repr(finding)


@pytest.mark.parametrize(
    ("settings", "local", "subject"),
    [
        ({"ssl": "off"}, False, "ssl"),
        ({"password_encryption": "md5"}, True, "password_encryption"),
        ({"idle_session_timeout": "60000"}, True, "idle_session_timeout"),
        ({"log_parameter_max_length_on_error": "-1"}, True, "log_parameter_max_length_on_error"),
    ],
)
def test_settings_that_do_harm(settings: dict[str, str], subject: str, *, local: bool) -> None:
    [finding] = _setting_findings(GOOD | settings, local=local)

    assert (finding.id, finding.subject) == ("database.setting", subject)


def test_local_server_needs_no_encryption() -> None:
    assert list(_setting_findings(GOOD | {"ssl": "off"}, local=True)) == []


@pytest.fixture
def pooler(database: LocalDatabase) -> Iterator[PgBouncer]:
    password = urlsplit(database.login_url).password or ""
    settings = {"max_client_conn": "500", "query_wait_timeout": "10", "reserve_pool_size": "2"}
    with PgBouncer.start(database.login_url, users={"app_login": password}, pool_size=7, settings=settings) as started:
        yield started


@pytest.mark.db
@pytest.mark.pooler
def test_a_pooler_is_measured(database: LocalDatabase, pooler: PgBouncer) -> None:
    parts = urlsplit(database.login_url)
    console = f"postgresql://app_login:{quote(parts.password or '')}@127.0.0.1:{pooler.port}/pgbouncer"

    found, findings = check_pooler(console, profile="transaction-pooler")

    assert findings == []
    assert found is not None
    assert (found.max_clients, found.pool_size, found.reserve_size, found.pools) == (500, 7, 2, 1)


def test_no_pooler_is_a_fault_without_the_password() -> None:
    found, [finding] = check_pooler(NOWHERE, profile="direct")

    assert (found, finding.id) == (None, "pooler.unreachable")
    assert "hunter2" not in repr(finding)


@pytest.mark.parametrize(
    ("version", "config", "profile", "id", "subject"),
    [
        ("PgBouncer 1.17.0", {}, "transaction-pooler", "pooler.version", "the pooler"),
        ("PgBouncer 1.24.0", {"pool_mode": "session"}, "transaction-pooler", "pooler.setting", "pool_mode"),
        ("PgBouncer 1.24.0", {}, "direct", "pooler.setting", "ORG_COMMON_DATABASE_PROFILE"),
        ("PgBouncer 1.18.0", {}, "pgbouncer", "pooler.setting", "max_prepared_statements"),
        (
            "PgBouncer 1.24.0",
            {"max_prepared_statements": "0"},
            "pgbouncer",
            "pooler.setting",
            "max_prepared_statements",
        ),
        (
            "PgBouncer 1.24.0",
            {"query_wait_timeout": "120"},
            "transaction-pooler",
            "pooler.setting",
            "query_wait_timeout",
        ),
        ("PgBouncer 1.24.0", {"query_wait_timeout": "0"}, "transaction-pooler", "pooler.setting", "query_wait_timeout"),
    ],
)
def test_poolers_that_do_harm(version: str, config: dict[str, str], profile: str, id: str, subject: str) -> None:
    [finding] = _pooler_findings(version, POOL | config, profile)

    assert (finding.id, finding.subject) == (id, subject)


def test_pooler_that_keeps_track_of_statements_is_fine() -> None:
    assert list(_pooler_findings("PgBouncer 1.24.0", POOL | {"max_prepared_statements": "100"}, "pgbouncer")) == []


@pytest.mark.db
def test_extension_that_is_not_created_is_a_fault(database: LocalDatabase) -> None:
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("drop extension vector cascade")

    _, [finding] = check_server(database.login_url, ["plpgsql", "vector"])

    assert (finding.id, finding.level, finding.subject) == ("database.extension", "fault", "vector")
    assert "org-common db bootstrap" in finding.fix

    with psycopg.connect(database.admin_url) as admin:
        admin.execute("create extension vector with schema public")

    assert check_server(database.login_url, ["vector"])[1] == []


@pytest.mark.db
def test_policy_that_may_be_a_mistake_is_a_warning(database: LocalDatabase) -> None:
    with psycopg.connect(database.migrator_url) as migrator:
        migrator.execute(
            "create table app.bare (id int); grant select on app.bare to authenticated;"
            "alter table app.bare enable row level security, force row level security"
        )

    _, [finding] = check_server(database.login_url)

    assert (finding.id, finding.level) == ("database.policy", "warning")
    assert finding.fix.startswith("create policy ... on app.bare to authenticated")
