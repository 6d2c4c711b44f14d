import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from org_common import PUBLIC, App, Model, Transaction
from org_common.config.settings import Settings
from org_common.testing import Client
from org_common.tools.database.local import LocalDatabase, clone, drop, provision
from org_common.tools.database.migrations import AddressError, load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.project import ToolError
from org_common.values.secret import Secret

pytestmark = pytest.mark.db

NUMBERS = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    """Of our own, for databases of any name."""
    with EmbeddedPostgres.start(durable=False) as started:
        yield started


@pytest.fixture(scope="module")
def template(server: EmbeddedPostgres) -> LocalDatabase:
    return provision(server.url, "template", load(["cora_modules.access"]))


@pytest.fixture
def copy(template: LocalDatabase) -> Iterator[LocalDatabase]:
    made = clone(template, f"copy_{next(NUMBERS)}")
    yield made
    drop(made)


def ask(url: str, query: LiteralString) -> Any:
    """The first column of the first row."""
    with psycopg.connect(url, autocommit=True) as conn:
        row = conn.execute(query).fetchone()
    return row and row[0]


def names(server: EmbeddedPostgres) -> set[str]:
    with psycopg.connect(server.url) as conn:
        return {name for (name,) in conn.execute("select datname from pg_database")}


# --- provision --------------------------------------------------------------------------------


def test_each_login_is_who_its_url_says(server: EmbeddedPostgres) -> None:
    made = provision(server.url, "logins", load([]))

    urls = (made.admin_url, made.migrator_url, made.login_url, made.service_url)
    query: LiteralString = "select current_user || ' in ' || current_database()"
    assert [ask(url, query) for url in urls] == [
        "postgres in logins",
        "app_migrator in logins",
        "app_login in logins",
        "app_service in logins",
    ]


def test_settings_are_those_of_the_powerless_login(server: EmbeddedPostgres) -> None:
    made = provision(server.url, "settings", load([]))

    [key] = made.settings.cursor_keys
    environ = {"ORG_COMMON_DATABASE_URL": made.login_url, "ORG_COMMON_CURSOR_KEYS": key.reveal()}
    assert made.settings.database_url == Secret(made.login_url)
    assert Settings.from_env(environ).cursor_keys == made.settings.cursor_keys


def test_password_of_another_program_is_not_replaced_on_a_remote_server(server: EmbeddedPostgres) -> None:
    provision(server.url, "far", load([]), is_local=lambda admin: False)
    provision(server.url, "farther", load([]), is_local=lambda admin: False)
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("alter role app_login password 'of-the-platform'")

    with pytest.raises(ToolError, match=r"passwords org-common did not set: app_login\. .*--reset-logins"):
        provision(server.url, "farthest", load([]), is_local=lambda admin: False)
    assert "farthest" not in names(server)

    made = provision(server.url, "farthest", load([]), is_local=lambda admin: False, reset_logins=True)
    assert ask(made.login_url, "select current_user") == "app_login"


def test_password_of_another_program_is_replaced_locally_after_a_message(server: EmbeddedPostgres) -> None:
    messages: list[str] = []
    provision(server.url, "here", load([]), say=messages.append)
    assert messages == []
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("alter role app_login password 'of-the-platform'")

    provision(server.url, "here_too", load([]), say=messages.append)

    assert messages == ["Replacing the passwords of app_login on 127.0.0.1: org-common did not set them."]


@pytest.mark.parametrize("url", ["postgres//u:s3cret@h/x", "postgresql://u:s3cret@127.0.0.1:1/x"])
def test_connection_error_does_not_show_the_password(url: str) -> None:
    with pytest.raises(AddressError) as raised:
        provision(url, "nowhere", load([]))

    assert "s3cret" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_database_belongs_to_the_migrator(server: EmbeddedPostgres) -> None:
    made = provision(server.url, "owned", load([]))

    assert (
        ask(made.admin_url, "select datdba::regrole::text from pg_database where datname = 'owned'") == "app_migrator"
    )


def test_second_time_keeps_the_data_and_applies_nothing(server: EmbeddedPostgres) -> None:
    first = provision(server.url, "again", load(["cora_modules.access"]))
    ask(first.admin_url, "insert into access.orgs (name, slug) values ('Acme', 'acme') returning id")
    applied = ask(first.admin_url, "select array_agg(applied_at order by applied_at) from app.migrations")

    second = provision(server.url, "again", load(["cora_modules.access"]))

    assert ask(second.admin_url, "select name from access.orgs") == "Acme"
    assert ask(second.admin_url, "select array_agg(applied_at order by applied_at) from app.migrations") == applied


def test_second_time_applies_what_is_new(server: EmbeddedPostgres) -> None:
    provision(server.url, "newer", load([]))

    made = provision(server.url, "newer", load(["cora_modules.access"]))

    assert ask(made.login_url, "select current_user") == "app_login"
    assert ask(made.admin_url, "select count(*) from access.orgs") == 0


def test_logins_of_the_second_time_work(server: EmbeddedPostgres) -> None:
    provision(server.url, "twice", load([]))

    made = provision(server.url, "twice", load([]))

    urls = (made.migrator_url, made.login_url, made.service_url)
    assert [ask(url, "select current_user") for url in urls] == ["app_migrator", "app_login", "app_service"]


def test_second_database_of_a_server_leaves_the_logins_of_the_first_alone(server: EmbeddedPostgres) -> None:
    """Roles belong to the server: two test runs, or `org-common dev` at the same time, on one DATABASE_URL."""
    first = provision(server.url, "neighbour_one", load([]))
    provision(server.url, "neighbour_two", load([]))

    assert ask(first.login_url, "select current_user") == "app_login"


def test_two_databases_of_a_new_server_may_be_provisioned_at_once() -> None:
    """As by the workers of pytest-xdist."""
    with EmbeddedPostgres.start(durable=False) as fresh, ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda at: provision(fresh.url, f"worker_{at}", load([])), range(4)))

    assert [each.name for each in made] == [f"worker_{at}" for at in range(4)]


@pytest.mark.parametrize("name", ['with "quotes" / 50% Größe', "x" * 63])
def test_database_may_have_any_name(server: EmbeddedPostgres, name: str) -> None:
    made = provision(server.url, name, load([]))

    copied = clone(made, f"copy_{next(NUMBERS)}")
    found = (ask(made.login_url, "select current_database()"), ask(copied.login_url, "select current_user"))
    drop(copied)
    drop(made)
    assert found == (name, "app_login")
    assert name not in names(server)


def test_options_of_the_url_stay(server: EmbeddedPostgres) -> None:
    made = provision(f"{server.url}?application_name=my%20app&connect_timeout=5", "options", load([]))

    assert ask(made.login_url, "show application_name") == "my app"


def test_passwords_are_in_no_environment(server: EmbeddedPostgres) -> None:
    made = provision(server.url, "quiet", load([]))

    password = made.login_url.partition(":")[2].partition(":")[2].partition("@")[0]
    assert len(password) >= 32
    assert not any(password in value for value in os.environ.values())


# --- clone ------------------------------------------------------------------------------------


def test_copy_has_what_the_template_has(copy: LocalDatabase) -> None:
    assert ask(copy.admin_url, "select count(*) from access.orgs") == 0
    assert ask(copy.login_url, "select current_database()") == copy.name
    assert ask(copy.migrator_url, "select current_user") == "app_migrator"


def test_copies_are_independent(template: LocalDatabase, copy: LocalDatabase) -> None:
    ask(copy.admin_url, "insert into access.orgs (name, slug) values ('Acme', 'acme') returning id")

    another = clone(template, "another")

    counts = [ask(each.admin_url, "select count(*) from access.orgs") for each in (template, copy, another)]
    drop(another)
    assert counts == [0, 1, 0]


@pytest.mark.parametrize("role", ["app_login", "app_service", "authenticated", "anon", "app_sys"])
@pytest.mark.parametrize("right", ["CREATE", "TEMPORARY"])
def test_public_cannot_create_in_a_copy(copy: LocalDatabase, role: str, right: str) -> None:
    with psycopg.connect(copy.admin_url) as conn:
        found = conn.execute("select has_database_privilege(%s, current_database(), %s)", [role, right]).fetchone()

    assert found == (False,)


def test_migrator_owns_the_copy(copy: LocalDatabase) -> None:
    owner = "select datdba::regrole::text from pg_database where datname = current_database()"

    assert ask(copy.admin_url, owner) == "app_migrator"


def test_copy_may_be_migrated(template: LocalDatabase, copy: LocalDatabase) -> None:
    with psycopg.connect(copy.migrator_url) as conn:
        conn.execute("create table access.extra (id int)")

    assert ask(copy.admin_url, "select to_regclass('access.extra') is not null") is True
    assert ask(template.admin_url, "select to_regclass('access.extra') is null") is True


# --- drop -------------------------------------------------------------------------------------


def test_database_is_dropped_with_open_connections(server: EmbeddedPostgres, template: LocalDatabase) -> None:
    made = clone(template, "busy")

    with psycopg.connect(made.login_url, autocommit=True) as conn:
        conn.execute("select 1")
        drop(made)

    assert "busy" not in names(server)


def test_database_that_is_gone_may_be_dropped(template: LocalDatabase) -> None:
    made = clone(template, "gone")
    drop(made)

    drop(made)


# --- extensions -------------------------------------------------------------------------------


class Chunk(Model):
    id: int
    embedding: list[float]


VECTORS = """
create extension if not exists vector;
create schema kb;
create table kb.chunks (id int primary key, embedding public.vector(3) not null);
create index on kb.chunks using hnsw (embedding public.vector_cosine_ops);
insert into kb.chunks values (1, '[1,0,0]'), (2, '[0,1,0]');
alter table kb.chunks enable row level security;
grant usage on schema kb to anon;
grant select, insert on kb.chunks to anon;
create policy open_to_all on kb.chunks to anon using (true);
"""


def test_migration_uses_an_extension_that_the_project_names(server: EmbeddedPostgres, tmp_path: Path) -> None:
    (tmp_path / "0001_kb.sql").write_text(VECTORS)
    migrations = load([f"kb={tmp_path}"])

    made = provision(server.url, "vectors", migrations, extensions=["vector"])
    again = provision(server.url, "vectors", migrations, extensions=["vector"])
    copy = clone(made, "vectors_copy")

    assert made == again
    nearest: LiteralString = "select id from kb.chunks order by embedding operator(public.<=>) '[0,2,1]' limit 1"
    assert ask(copy.migrator_url, nearest) == 2
    assert ask(made.login_url, "select '[1,2]'::public.vector::real[]") == [1, 2]


def test_vector_is_a_list_of_floats_in_python(server: EmbeddedPostgres, tmp_path: Path) -> None:
    (tmp_path / "0001_kb.sql").write_text(VECTORS)
    made = provision(server.url, "vectors_in_python", load([f"kb={tmp_path}"]), extensions=["vector"])
    app = App("kb")
    nearest: LiteralString = (
        "select c.id, c.embedding from kb.chunks c "
        "order by c.embedding operator(public.<=>) %(query)s::public.vector limit 1"
    )

    @app.post("/chunks", allow=PUBLIC)
    def add(tx: Transaction, body: Chunk) -> Chunk:
        tx.run("insert into kb.chunks values (%(id)s, %(embedding)s)", body, rows=1)
        return tx.one(Chunk, nearest, {"query": body.embedding})

    with made.serve(app):
        assert Client(app).post("/chunks", {"id": 3, "embedding": [0, 0.5, 0.25]}).json() == {
            "id": 3,
            "embedding": [0.0, 0.5, 0.25],
        }


def test_extension_in_a_migration_comes_with_advice(server: EmbeddedPostgres, tmp_path: Path) -> None:
    statements = {
        "create extension vector": "vector",
        'CREATE  EXTENSION if not exists "uuid-ossp" with schema public': "uuid-ossp",
        "alter extension plpgsql update": "plpgsql",
        "comment on extension plpgsql is ''": "plpgsql",
        "drop extension if exists plpgsql": "plpgsql",
    }
    for number, (statement, name) in enumerate(statements.items()):
        (tmp_path / "0001_kb.sql").write_text(f"select 1; /* */ {statement};")

        with pytest.raises(
            ToolError, match=rf'(?s)line 1: .* \(statement 2\)\n.*pyproject\.toml.*extensions = \["{name}"\]'
        ):
            provision(server.url, f"undeclared_{number}", load([f"kb={tmp_path}"]))


@pytest.mark.parametrize("powers", ["login createdb createrole", "login bypassrls createrole", "login"])
def test_url_of_another_role_than_a_superuser_is_reported(server: EmbeddedPostgres, powers: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("drop role if exists chief")
        admin.execute(f"create role chief {powers} password 'p'".encode())

    with pytest.raises(ToolError, match="chief is not a superuser of the server 127.0.0.1.*use the URL of a superuser"):
        provision(make_conninfo(server.url, user="chief", password="p"), "x", [])
