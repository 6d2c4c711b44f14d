import tomllib
from collections.abc import Callable

import psycopg
import pytest

from org_common.tools.prove.declaration import Declaration
from org_common.tools.prove.draft import draft
from tests.org_common.tools.prove.conftest import block

pytestmark = pytest.mark.db


def test_draft_is_that_of_the_page(shop: psycopg.Connection, declared: Callable[..., Declaration]) -> None:
    found = draft(shop, declared(whole=block("isolation.toml")))

    assert tomllib.loads(found) == tomllib.loads(block("draft"))


def test_draft_has_only_what_is_missing(shop: psycopg.Connection, declared: Callable[..., Declaration]) -> None:
    shop.execute("""
        create table shop.logs (team_id uuid not null references shop.teams, id bigint primary key, secret text);
        alter table shop.logs enable row level security;
        create policy p on shop.logs for select to authenticated using (team_id = any (array(select shop.team_ids())));
        grant select (team_id, id) on shop.logs to authenticated""")

    found = draft(shop, declared())

    assert tomllib.loads(found) == {
        "tables": {
            "shop": {
                "logs": {
                    "columns": {"authenticated": {"select": "team_id id"}},
                    "admin": "select",
                    "viewer": "select",
                }
            }
        }
    }
