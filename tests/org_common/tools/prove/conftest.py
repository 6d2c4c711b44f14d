"""The schema of docs/guides/isolation.md, and its declaration."""

import re
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from org_common.tools.prove.declaration import Declaration, read
from org_common.tools.prove.proof import Proof, prepare, prove

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "guides" / "isolation.md").read_text("utf-8")
ROLES = """
do $$
declare
  name text;
begin
  foreach name in array array['anon', 'authenticated'] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I nologin', name);
    end if;
  end loop;
end $$;
create schema auth;
grant usage on schema auth to anon, authenticated;
create function auth.uid() returns uuid language sql stable
  return nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '')::uuid;
"""
Prove = Callable[..., Proof]


def block(title: str) -> str:
    """The block of the page with this title."""
    [found] = re.findall(rf'^```\w+ title="{re.escape(title)}"\n(.*?)^```', PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


DECLARATION = block("isolation.toml") + block("draft").partition("[functions]")[0] + block("functions")


@pytest.fixture(scope="session")
def shop_url(postgres: str) -> Iterator[str]:
    """A database with the schema of the page, on which no test commits."""
    name = f"shop_{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        url = f"{postgres.rpartition('/')[0]}/{name}"
        with psycopg.connect(url) as conn:
            conn.execute(ROLES.encode())
            conn.execute(block("schema.sql").encode())
        yield url
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture
def shop(shop_url: str) -> Iterator[psycopg.Connection]:
    """A superuser's transaction that is rolled back."""
    with psycopg.connect(shop_url, autocommit=True) as conn, conn.transaction(force_rollback=True):
        yield conn


@pytest.fixture(scope="session")
def declaration(tmp_path_factory: pytest.TempPathFactory) -> Declaration:
    """The declaration of the page."""
    file = tmp_path_factory.mktemp("page") / "isolation.toml"
    file.write_text(DECLARATION, "utf-8")
    return read([file])


@pytest.fixture(scope="session")
def page_proof(shop_url: str, declaration: Declaration) -> Proof:
    """The proof of the page, to read: its transaction is over."""
    with psycopg.connect(shop_url, autocommit=True) as conn, conn.transaction(force_rollback=True):
        return prove(conn, declaration)


@pytest.fixture(scope="session")
def leaky_proof(shop_url: str, declaration: Declaration) -> Proof:
    """The proof after orders have lost their row-level security, to read: its transaction is over."""
    with psycopg.connect(shop_url, autocommit=True) as conn, conn.transaction(force_rollback=True):
        conn.execute("alter table shop.orders disable row level security")
        return prove(conn, declaration)


@pytest.fixture
def declared(tmp_path: Path) -> Callable[..., Declaration]:
    """Reads the declaration of the page, or another one, and more entries from a second file."""

    def declare(*more: str, whole: str | None = None) -> Declaration:
        files = [tmp_path / "isolation.toml", tmp_path / "more.toml"]
        files[0].write_text(DECLARATION if whole is None else whole, "utf-8")
        files[1].write_text("\n".join(["[functions]" if more and more[0].startswith('"') else "", *more]), "utf-8")
        return read(files)

    return declare


@pytest.fixture
def prepared(shop: psycopg.Connection, declared: Callable[..., Declaration]) -> Prove:
    """Makes the rows and cells of the page after some SQL, with more entries. Each call begins anew."""
    shop.execute("savepoint before_proof")

    def prepare_after(change: str = "", *more: str) -> Proof:
        shop.execute("rollback to savepoint before_proof")
        if change:
            shop.execute(change.encode())
        return prepare(shop, declared(*more))

    return prepare_after


@pytest.fixture
def proved(prepared: Prove) -> Prove:
    """Proves the schema of the page after some SQL, with more entries. Each call begins anew."""

    def prove_after(change: str = "", *more: str) -> Proof:
        proof = prepared(change, *more)
        proof.findings = [*proof.check(proof.cells)]
        return proof

    return prove_after
