import psycopg
import pytest

from tests.org_common.sql.shop import ALICE, Unit

pytestmark = pytest.mark.db

BOB = "00000000-0000-0000-0000-00000000000b"
STAMPS = "select row(created_by, updated_by, created_at = now(), updated_at = now())::text from shop.notes where id = 1"
OLD = f"'2001-01-01', '{BOB}', '2001-01-01', '{BOB}'"


def test_new_row_says_who_and_when(unit: Unit) -> None:
    with unit({"sub": ALICE}) as ask:
        ask("insert into shop.notes (id) values (1)")

        assert ask(STAMPS) == f"({ALICE},{ALICE},t,t)"


def test_statement_cannot_say_otherwise(unit: Unit) -> None:
    with unit({"sub": ALICE}) as ask:
        ask(f"insert into shop.notes (id, created_at, created_by, updated_at, updated_by) values (1, {OLD})")

        assert ask(STAMPS) == f"({ALICE},{ALICE},t,t)"


def test_row_that_is_changed_keeps_who_made_it(unit: Unit) -> None:
    with unit({"sub": ALICE}) as ask:
        ask("insert into shop.notes (id) values (1)")
        ask("select set_config('request.jwt.claims', %s, true)", f'{{"sub": "{BOB}"}}')
        ask("update shop.notes set body = 'new'")

        assert ask(STAMPS) == f"({ALICE},{BOB},t,t)"


def test_change_cannot_say_otherwise(unit: Unit) -> None:
    with unit({"sub": ALICE}) as ask:
        ask("insert into shop.notes (id) values (1)")
        ask(f"update shop.notes set (created_at, created_by, updated_at, updated_by) = ({OLD})")

        assert ask(STAMPS) == f"({ALICE},{ALICE},t,t)"


def test_upsert_cannot_say_otherwise(unit: Unit) -> None:
    with unit({"sub": ALICE}) as ask:
        ask("insert into shop.notes (id) values (1)")
        ask(
            "insert into shop.notes (id) values (1) on conflict (id) do update "
            f"set (created_at, created_by, updated_at, updated_by) = ({OLD})"
        )

        assert ask(STAMPS) == f"({ALICE},{ALICE},t,t)"


def test_merge_cannot_say_otherwise(unit: Unit) -> None:
    with unit({"sub": ALICE}) as ask:
        ask(
            "merge into shop.notes using (select 1) as s on false when not matched then "
            f"insert (id, created_at, created_by, updated_at, updated_by) values (1, {OLD})"
        )

        assert ask(STAMPS) == f"({ALICE},{ALICE},t,t)"


@pytest.mark.parametrize("claims", [None, "", "{}", '{"sub": null}'])
def test_row_that_nobody_in_particular_made_says_so(unit: Unit, claims: str | None) -> None:
    with unit(claims) as ask:
        ask(f"insert into shop.notes (id, created_by, updated_by) values (1, '{BOB}', '{BOB}')")

        assert ask(STAMPS) == "(,,t,t)"


@pytest.mark.parametrize(
    "statement",
    [
        "alter table shop.notes disable trigger audit",
        "drop trigger audit on shop.notes",
        "set session_replication_role = replica",
        "select set_config('session_replication_role', 'replica', true)",
        "create or replace function app.audit() returns trigger language plpgsql as 'begin return new; end'",
        "create trigger zz before insert on shop.notes for each row execute function app.audit()",
        "truncate shop.notes",
    ],
)
def test_trigger_cannot_be_switched_off(unit: Unit, statement: str) -> None:
    with unit({"sub": ALICE}) as ask, pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(statement)
