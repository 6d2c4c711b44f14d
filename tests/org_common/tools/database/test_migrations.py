import hashlib
import re
from pathlib import Path

import pytest

from org_common.tools.database.migrations import Migration, SchemaError, load, read_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, files: dict[str, str]) -> list[Migration]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return read_folder("shop", folder)


def test_folder_is_read_in_order_of_numbers(folder: Path) -> None:
    found = write(folder, {"0002_b.sql": "select 2", "0001_a.sql": "select 1", "README.md": "no"})

    assert [(each.package, each.file, each.sql) for each in found] == [
        ("shop", "0001_a.sql", "select 1"),
        ("shop", "0002_b.sql", "select 2"),
    ]


def test_checksum_is_the_same_with_windows_line_ends(folder: Path, tmp_path: Path) -> None:
    unix = write(folder, {"0001_a.sql": "select 1;\nselect 2;\n"})

    windows = write(folder, {"0001_a.sql": "select 1;\r\nselect 2;\r\n"})

    assert windows == unix
    assert unix[0].checksum == hashlib.sha256(b"select 1;\nselect 2;\n").hexdigest()


@pytest.mark.parametrize(
    "name",
    ["1_a.sql", "00001_a.sql", "0001-a.sql", "0001_A.sql", "0001.sql", "0000_a.sql", "0001_a.SQL"],
)
def test_bad_file_name_is_refused(folder: Path, name: str) -> None:
    with pytest.raises(SchemaError, match=rf"{re.escape(name)}: not a valid file name.* 0001_create_orgs\.sql"):
        write(folder, {name: "select 1"})


def test_editor_leftovers_are_no_migrations(folder: Path) -> None:
    assert len(write(folder, {"0001_a.sql": "", ".#0001_a.sql": "", "0001_a.sql~": ""})) == 1


@pytest.mark.parametrize("names", [["0001_a.sql", "0003_c.sql"], ["0002_b.sql"]])
def test_gap_in_numbers_is_refused(folder: Path, names: list[str]) -> None:
    with pytest.raises(SchemaError, match="of package shop is missing"):
        write(folder, dict.fromkeys(names, "select 1"))


def test_number_twice_is_refused(folder: Path) -> None:
    with pytest.raises(SchemaError, match="number 0001 of package shop is used twice"):
        write(folder, {"0001_a.sql": "", "0001_b.sql": "", "0002_c.sql": ""})


def test_file_not_in_utf_8_is_refused_with_its_line(folder: Path) -> None:
    (folder / "0001_a.sql").write_bytes("select 1;\n-- Ü".encode("latin-1"))

    with pytest.raises(SchemaError, match=r"0001_a\.sql, line 2: not valid UTF-8"):
        read_folder("shop", folder)


def test_zero_byte_is_refused(folder: Path) -> None:
    with pytest.raises(SchemaError, match="zero byte"):
        write(folder, {"0001_a.sql": "select 1;\0 drop"})


@pytest.mark.parametrize("word", ["COMMIT", "begin", "Rollback", "start transaction", "end", "abort"])
def test_transaction_control_is_refused_with_its_line(folder: Path, word: str) -> None:
    text = f"select 'it;''s; commit'; -- ;\n/* a /* b */ ; */ {word};"

    with pytest.raises(SchemaError, match=rf"0001_a\.sql, line 2: {word.partition(' ')[0]}: each file already runs"):
        write(folder, {"0001_a.sql": text})


@pytest.mark.parametrize(
    "text",
    [
        "-- a\rcommit",
        "/* /* /* */ */ */ commit",
        "select 1;;; commit work",
        "prepare transaction 'x'",
        "commit prepared 'x'",
        "rollback prepared 'x'",
        "rollback and chain",
        "START TRANSACTION isolation level serializable",
        "create function f() returns int begin atomic select b.end from b; end; commit",
        "create procedure p(begin int) begin atomic ; end; end",
        "select begin atomic; commit",
        "select E'a'\n'b\\''; commit",
        "select $$ $a$ $$; commit",
        "select 1/*/**/*/; commit",
        "create rule r as on insert to t do also (select 1; select 2); commit",
        "set x = 1; abort",
    ],
)
def test_every_form_of_transaction_control_is_refused(folder: Path, text: str) -> None:
    with pytest.raises(SchemaError, match=r"0001_a\.sql, line \d: \w+: each file already runs"):
        write(folder, {"0001_a.sql": text})


ATOMIC = "create function f() returns int language sql begin atomic {}; end; select 2;"


@pytest.mark.parametrize(
    "text",
    [
        "select ';commit;', E'\\';commit', \";commit\" from t",
        "do $$ begin perform 1; end; $$;",
        "do $x$ begin perform '$$'; commit; end; $x$;",
        "-- ;commit\n/* ;commit /* ; */ ;commit */ select 1;",
        "/* /* /* ; */ ;commit; */ ;commit; */ select 1;",
        "create function f() returns int begin atomic select case when true then 1 end; end;",
        *map(
            ATOMIC.format,
            [
                "select t.end from t; select t.id from t",
                "select 1 as end; select 2",
                "select 1 end; select 2",
                "select end.end from t as end; select 2",
                "select t.case from t; select t.start from t; select 2",
                "select case when true then 1 end as end; select 2",
                "select case 1 when 2 then case when true then 1 end end; select 2",
                ';; select "end"; select 2',
                "/* end; */ select ';end;'; select 2",
            ],
        ),
        ATOMIC.format("select 1").upper(),
        'create or replace procedure p(begin int, "end" int) language sql begin atomic select 1; end',
        "create function f(a int) returns int return case when true then 1 end",
        "create function f() returns int as $$ begin; commit; $$ language sql",
        "create function f() returns int as E'begin;\\' commit; ' language sql",
        "select begin atomic from t; select 1",
        "select a$b from t; select b$a from t",
        "/* don't */ select 1;",
        "savepoint a; release a;",
        "savepoint a; rollback to a; rollback work to savepoint a; rollback transaction to a",
        "select U&'\\0027;', N';commit', b'01', x'ff', U&\";commit\"",
        "select E'a'\n  -- don't\n  'b\\'; commit;' as x",
        "select 1 /*/ ; commit; */ + 1",
        "select tablE'x\\'; select 1",
        "select $é$;commit;$é$, $_1$;$$;$_1$",
        "create rule r as on insert to t do also (select 1; select 2)",
        "copy t from '/tmp/x'; copy (select x from stdin) to '/tmp/x'; copy stdin from program 'true'",
        "(select 1) union (select 2); ;",
    ],
)
def test_words_that_end_no_transaction_are_accepted(folder: Path, text: str) -> None:
    assert len(write(folder, {"0001_a.sql": text})) == 1


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\\restrict abc\nselect 1;\n\\unrestrict abc\n", 1),
        ("select 1;\n\\i other.sql\n", 2),
        ("select 1\n\\gset\n", 2),
        ("\n\n  \\set x 1\n", 3),
        ("\\connect shop", 1),
        ("select '\\'; \n\\.", 2),
    ],
)
def test_commands_of_psql_are_refused_with_advice(folder: Path, text: str, line: int) -> None:
    with pytest.raises(SchemaError, match=rf"0001_a\.sql, line {line}: \\\S+ is a command of psql.*--inserts"):
        write(folder, {"0001_a.sql": text})


@pytest.mark.parametrize(
    "text",
    [
        "copy m.t (id, n) from stdin;\n1\ta\n\\.\n",
        "copy m.t (id, n) from stdin;\n1\tit's\n\\.\n",
        "COPY m.t FROM STDIN",
        "copy m.t to stdout",
        "copy binary m.t from stdin",
        "copy (select 1) to stdout with (format csv)",
        "copy m.t from stdout",
    ],
)
def test_copy_with_the_client_is_refused_with_advice(folder: Path, text: str) -> None:
    with pytest.raises(SchemaError, match=r"0001_a\.sql, line 2: COPY exchanges rows with psql.*--inserts"):
        write(folder, {"0001_a.sql": "create table m.t (id int, n text);\n" + text})


def test_dump_in_custom_format_is_refused_with_advice(folder: Path) -> None:
    (folder / "0001_a.sql").write_bytes(b"PGDMP\x01\x10\x00\xff")

    with pytest.raises(SchemaError, match=r"0001_a\.sql: a dump in the custom format of pg_dump.*--inserts"):
        read_folder("shop", folder)


def test_empty_folder_is_refused(folder: Path) -> None:
    with pytest.raises(SchemaError, match=r"has no migration of package shop: add a file such as 0001_"):
        read_folder("shop", folder)


def test_missing_folder_is_refused(folder: Path) -> None:
    with pytest.raises(SchemaError, match="package shop has no folder .*/nothing"):
        read_folder("shop", folder / "nothing")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Importable packages own_stub (in place of ours) and shop_stub.orders, and a plain folder."""
    files = {
        "own_stub/sql": "0001_own.sql",
        "shop_stub/orders/migrations": "0001_orders.sql",
        "billing/migrations": "0001_bills.sql",
    }
    for folder, file in files.items():
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / file).write_text("select 1;")
    for package in ("own_stub", "shop_stub", "shop_stub/orders"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "shop_stub" / "module.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("org_common.tools.database.migrations.OWN_PACKAGE", "own_stub")
    return tmp_path


def test_packages_are_loaded_after_ours_in_the_order_given(shop: Path) -> None:
    found = load(["shop_stub.orders", "billing/migrations", "x=billing/migrations/"], root=shop)

    assert [(each.package, each.name) for each in found] == [
        ("own_stub", "own"),
        ("shop_stub.orders", "orders"),
        ("billing", "bills"),
        ("x", "bills"),
    ]


def test_package_named_twice_is_loaded_once(shop: Path) -> None:
    assert len(load(["own_stub", "shop_stub.orders", "shop_stub.orders"])) == 2


@pytest.mark.parametrize(
    ("package", "message"),
    [
        ("nowhere_stub", "package nowhere_stub cannot be imported .*installed"),
        ("", "cannot be imported"),
        (".orders", "cannot be imported"),
        ("shop_stub", "package shop_stub has no folder .*migrations"),
        ("shop_stub.module", "is a module, not a package"),
        ("./migrations", r"cannot tell the package's name\. Write it in front: shop=\./migrations"),
        ("billing=billing/nothing", "package billing has no folder"),
    ],
)
def test_package_without_migrations_is_refused(shop: Path, package: str, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        load([package], root=shop)


def test_package_that_fails_at_import_is_reported_by_its_line(shop: Path) -> None:
    (shop / "broken_stub").mkdir()
    (shop / "broken_stub" / "__init__.py").write_text("import no_such_module\n")

    with pytest.raises(SchemaError, match=r"__init__\.py:1: ModuleNotFoundError: No module named 'no_such_module'"):
        load(["broken_stub"])


def test_two_folders_for_one_package_are_refused(shop: Path) -> None:
    with pytest.raises(SchemaError, match="package billing has two folders"):
        load(["billing/migrations", "billing=shop_stub/orders/migrations"], root=shop)
