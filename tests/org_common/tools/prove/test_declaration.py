from collections.abc import Callable
from pathlib import Path

import pytest

from org_common.tools.prove.declaration import CLAIMS, Declaration, DeclarationError, Grant, read

Declare = Callable[..., Declaration]


def test_entries_are_read(declared: Declare) -> None:
    found = declared(
        whole="""
tenants = "shop.teams"
[people.job]
role = "worker"
signed_in = false
[tables.shop.orders]
own = "author_id"
job = "select:2 delete:all"
viewer = ["select:own"]
columns.authenticated.update = "note"
[people.viewer]
"shop.members".role = "viewer"
"""
    )

    entry = found.tables["shop.orders"]
    assert entry.can == {"job": (Grant("select", "2"), Grant("delete", "all")), "viewer": (Grant("select", "own"),)}
    assert (entry.own, entry.columns) == ("author_id", {"authenticated": {"update": ("note",)}})
    assert (found.people["job"].role, found.people["job"].signed_in) == ("worker", False)
    assert found.people["viewer"].rows == {"shop.members": {"role": "viewer"}}
    assert found.settings == {"request.jwt.claims": CLAIMS}


def test_files_add_to_each_other(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[people.owner]\n"a.members".role = "owner"\n[tables.a.t]\nowner = "select"\n')
    (tmp_path / "b.toml").write_text('[people.owner]\n"b.members".role = "owner"\n[tables.a.t]\nrows = [{ x = 1 }]\n')

    found = read([tmp_path / "a.toml", tmp_path / "b.toml"])

    assert sorted(found.people["owner"].rows) == ["a.members", "b.members"]
    assert found.tables["a.t"].rows == ({"x": 1},)
    assert found.tables["a.t"].grant("select", "owner") == Grant("select", "")


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("tenant = 'x'", "tenant is not a valid key: did you mean tenants?"),
        ("[tables.shop.orders]\nadmin = 'read'", '"read" is not a verb with a scope. Example: '),
        ("[tables.shop.orders]\nadmin = 1", "tables.shop.orders.admin: expected names, separated by spaces"),
        ("[people.own]", "people.own: the name has another meaning in this file"),
        ("[people.user]", "people.user: the name has another meaning in this file"),
        ("[people.admin]\nrol = 'x'", "people.admin.rol: expected role, signed_in, member, or a table and values"),
        ("[functions]\n'a.b' = { who = 'x' }", "functions.a.b.who is not a valid key: "),
        ("[[cases]]\non = 'a.b'", "cases: an entry has no says. Example: "),
        ("tenants =", "Invalid value"),
    ],
)
def test_error_names_file_key_and_example(declared: Declare, toml: str, message: str) -> None:
    with pytest.raises(DeclarationError) as error:
        declared(whole=toml)

    assert message in str(error.value)
    assert "isolation.toml" in str(error.value)
