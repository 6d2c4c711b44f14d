import psycopg
import pytest

from org_common.tools.prove.declaration import DeclarationError
from org_common.tools.prove.proof import Proof
from tests.org_common.tools.prove.conftest import Prove

pytestmark = pytest.mark.db


def problems(proof: Proof, subject: str) -> set[str]:
    return {f"{each.cell.verb}: {each.problem}" for each in proof.findings if each.cell.subject == subject}


def test_schema_of_the_page_is_as_declared(page_proof: Proof) -> None:
    assert [f"{each.cell.name}: {each.problem}" for each in page_proof.findings] == []
    assert {"select", "insert", "update", "delete", "move"} <= {cell.verb for cell in page_proof.cells}


# --- leaks: each is found, with SQL that reproduces it ------------------------------------------

ORDERS = "shop.orders"
LOOSE_KEY = """
    alter table shop.order_lines drop constraint order_lines_team_id_order_id_fkey;
    alter table shop.orders add unique (id);
    alter table shop.order_lines add foreign key (order_id) references shop.orders (id) on delete cascade"""
LEAKS = [
    ("alter table shop.orders disable row level security", ORDERS, "select: sees 1 rows of others: of b"),
    (
        "alter policy admins_write on shop.orders with check (true)",
        ORDERS,
        "insert: inserts a row",
    ),
    ("alter policy admins_write on shop.orders with check (true)", ORDERS, "move: moves 1 rows to b"),
    (
        "create policy fail_open on shop.orders for delete to authenticated using (auth.uid() is not null)",
        ORDERS,
        "delete: deletes 1 rows of others: of b",
    ),
    ("grant truncate on shop.orders to authenticated", ORDERS, "truncate right: may truncate, and nothing is declared"),
    ("grant select on shop.users to anon", "shop.users", "select right: may select, and nothing is declared"),
    (
        LOOSE_KEY,
        "shop.order_lines",
        "foreign key order_lines_order_id_fkey: lets a row of a refer to shop.orders of another tenant",
    ),
    (
        "create unique index orders_number on shop.orders (number)",
        ORDERS,
        "unique key orders_number: learns through orders_number that another tenant has this value",
    ),
]


@pytest.mark.parametrize(("change", "subject", "problem"), LEAKS, ids=[leak[2].partition(":")[0] for leak in LEAKS])
def test_leak_is_found(proved: Prove, change: str, subject: str, problem: str) -> None:
    found = problems(proved(change), subject)

    assert problem in found or any(each.startswith(problem) for each in found), found


def test_script_of_a_leak_reproduces_it(proved: Prove, shop: psycopg.Connection) -> None:
    proof = proved("alter table shop.orders disable row level security")
    finding = next(each for each in proof.findings if each.cell.name == "shop.orders: select by viewer of a")

    lines = finding.script.splitlines()
    statements = [line for line in lines if line not in ("begin;", "rollback;")]
    with shop.transaction(force_rollback=True):
        cursors = [shop.execute(line.encode()) for line in statements]
        row = cursors[-1].fetchone()

    assert (lines[0], lines[-1]) == ("begin;", "rollback;")
    assert row is not None
    assert row[0].count("], [") == 1  # two rows: its own and that of the other team


def test_definer_function_that_takes_the_tenant_leaks(proved: Prove) -> None:
    change = """
        create function shop.orders_of(team_id uuid) returns setof shop.orders language sql security definer
        set search_path = '' as $$ select * from shop.orders o where o.team_id = orders_of.team_id $$;
        revoke execute on function shop.orders_of(uuid) from public;
        grant execute on function shop.orders_of(uuid) to authenticated"""
    entry = '"shop.orders_of" = { own = "admin viewer" }'

    found = problems(proved(change, entry), "shop.orders_of")

    assert any(each.endswith("an id of tenant b") for each in found)


def test_definer_function_that_writes_is_found(proved: Prove) -> None:
    change = """
        create function shop.clear() returns void language sql security definer
        set search_path = '' as $$ delete from shop.orders $$;
        revoke execute on function shop.clear() from public;
        grant execute on function shop.clear() to authenticated"""

    found = problems(proved(change, '"shop.clear" = { own = "admin" }'), "shop.clear")

    assert "call: changes rows of another tenant: shop.order_lines, shop.orders" in found


def test_view_with_the_rights_of_its_owner_leaks(proved: Prove) -> None:
    change = (
        "create view shop.all_orders as select * from shop.orders; grant select on shop.all_orders to authenticated"
    )

    found = problems(
        proved(change, "[views.shop.all_orders]", 'admin = "select"', 'viewer = "select"'), "shop.all_orders"
    )

    assert "select: sees 1 rows of others: of b" in found


def test_cascade_to_another_tenant_is_found(proved: Prove) -> None:
    change = """
        create table shop.marks (team_id uuid references shop.teams, number integer, primary key (team_id, number));
        alter table shop.marks enable row level security, force row level security;
        grant select, delete on shop.marks to authenticated;
        create policy members on shop.marks to authenticated using (team_id = any (array(select shop.team_ids())));
        create function shop.sweep() returns trigger language plpgsql security definer set search_path = ''
        as $$ begin delete from shop.orders; return null; end $$;
        create trigger sweep after delete on shop.marks for each row execute function shop.sweep()"""
    entry = ("[tables.shop.marks]", 'admin = "select delete"', 'viewer = "select delete"')

    found = problems(proved(change, *entry), "shop.marks")

    assert found == {
        "delete: reaches rows of another tenant: shop.order_lines of b, shop.orders of b",
        "delete: reaches rows of another tenant: shop.order_lines of a, shop.orders of a",
    }


# --- declarations -------------------------------------------------------------------------------


def test_table_without_an_entry_fails(proved: Prove) -> None:
    with pytest.raises(
        DeclarationError,
        match=r"table shop.secrets has no entry in [^,]*isolation.toml, [^,]*more.toml: add one, such as\n\[tables",
    ):
        proved("create table shop.secrets (id uuid primary key)")


def test_function_without_an_entry_fails(proved: Prove) -> None:
    change = "create function shop.who() returns text language sql stable return current_user"

    with pytest.raises(
        DeclarationError, match=r'function shop.who\(\) has no entry .*\n\[functions\]\n"shop.who" = \{ roles = '
    ):
        proved(change)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("[tables.shop.invoices]", "tables.shop.invoices: there is no shop.invoices in the database"),
        ('"shop.team_id" = "admin"', "functions.shop.team_id: there is no shop.team_id in the database. did you mean"),
        ('"shop.team_ids(text)" = "boss"', "there is no boss in the database"),
    ],
)
def test_entry_that_fits_nothing_fails(proved: Prove, entry: str, message: str) -> None:
    with pytest.raises(DeclarationError) as error:
        proved("", entry)

    assert message in str(error.value)


def test_column_that_cannot_be_filled_is_named(proved: Prove) -> None:
    change = "alter table shop.orders add column state text not null check (state = md5(state))"

    with pytest.raises(DeclarationError) as error:
        proved(change)

    assert "cannot make a row for shop.orders.state: no generated value satisfies orders_state_check" in str(
        error.value
    )
    assert "[tables.shop.orders]\nvalues = { state = " in str(error.value)
