from pathlib import Path

import pytest

from org_common.tools.lint.sources import Place, Sources

FILES = {
    "a/0001.sql": 'create table "shop".orders (\n  id int);\ncreate policy own on shop.orders using (true);\n',
    "a/0002.sql": """create or replace function shop.f(a int) returns int language sql as 'select 1';
create index orders_id on shop.orders (id);
alter policy own on shop.orders using (false);
create unlogged table shop.jobs (id int);
create policy "Own jobs" on "shop"."jobs" using (false);
create table shop."Big Jobs" (id int);
""",
}


@pytest.mark.parametrize(
    ("object", "place"),
    [
        ("table shop.orders", Place("a/0001.sql", 1)),
        ("column id of table shop.orders", Place("a/0001.sql", 1)),
        ("constraint c on table shop.orders", Place("a/0001.sql", 1)),
        ("policy own on table shop.orders", Place("a/0002.sql", 3)),
        ("policy other on table shop.orders", Place("a/0001.sql", 1)),
        ("function shop.f(a integer)", Place("a/0002.sql", 1)),
        ("index shop.orders_id", Place("a/0002.sql", 2)),
        ("table shop.jobs", Place("a/0002.sql", 4)),
        ("policy Own jobs on table shop.jobs", Place("a/0002.sql", 5)),
        ("column id of table shop.Big Jobs", Place("a/0002.sql", 6)),
        ("table shop.order", None),
        ("role anon", None),
    ],
)
def test_object_is_found_where_it_was_created_or_changed_last(object: str, place: Place | None) -> None:
    assert Sources(FILES).find(object) == place


def test_files_below_a_folder_are_read(tmp_path: Path) -> None:
    for folder in ("db", ".venv", "node_modules/x"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.sql").write_text(f"-- {folder}\ncreate table shop.orders (id int);")

    assert Sources.below(tmp_path).find("table shop.orders") == Place("db/1.sql", 2)
    assert Sources.below(tmp_path, {"another text"}).find("table shop.orders") is None
