"""docs/guides/read-replica.md: what it says about an app on a streaming replica."""

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from org_common import Database, Settings
from org_common.testing.client import ISSUER, Client, Person
from org_common.tools.database.local import provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from tests.support.proxy import relocated
from tests.support.standby import standby_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "notes"


@pytest.fixture
def primary() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres.start(durable=True) as server:
        yield server


@pytest.mark.db
def test_app_reads_on_a_replica_and_refuses_writes(primary: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLE)
    demo, app = import_module("demo"), import_module("notes").app
    local = provision(primary.url, "replicated", load([f"notes={EXAMPLE / 'migrations'}"]))
    demo.seed(local.admin_url, ISSUER)
    path = f"/orgs/{demo.ACME}/notes"
    with local.serve(app):
        assert Client(app, person=Person("local|alice")).post(path, {"text": "Buy milk"}).status == 201

    with standby_of(primary) as replica:
        url = relocated(local.login_url, replica.port)
        url += ("&" if "?" in url else "?") + "target_session_attrs=any"
        database = Database(Settings(database_url=url, cursor_keys=local.settings.cursor_keys))
        app.use(database)
        carol, bob = (Client(app, person=Person(f"local|{name}")) for name in ("carol", "bob"))

        assert [note["text"] for note in carol.get(path).json()["items"]] == ["Buy milk"]
        assert bob.get(path).status == 404
        assert carol.post(path, {"text": "Call Bob"}).status == 503
        app.use(None)
        database.close()
    for module in ("demo", "notes"):
        del sys.modules[module]
