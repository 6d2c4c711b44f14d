"""The panels: what waits, what was delivered, what runs on demand, and names without values."""

import json

import psycopg
import pytest

from org_common import App, AsService, Needs
from org_common.tools.database.local import LocalDatabase
from org_common.tools.project.project import ToolError
from org_common.tools.serve.console.panels import Panels

SERVICE = AsService("a test")
SEND = "insert into app.outbox (queue, key, message) values (%s, %s, %s)"
app = App("nightly", needs=Needs(secrets=("env/CONSOLE_SECRET",)))
ran: list[str] = []


@app.schedule("rate(1 day)", allow=SERVICE)
def purge() -> None:
    ran.append("purge")


@app.schedule("rate(2 days)", allow=SERVICE)
def broken() -> None:
    raise RuntimeError("the disk is full")


@pytest.fixture
def panels(database: LocalDatabase) -> Panels:
    return Panels([app], database.service_url)


@pytest.mark.db
def test_outbox_has_queues_and_refused_messages(panels: Panels, database: LocalDatabase) -> None:
    assert panels.read()["outbox"] == {"queues": [], "refused": [], "delivered": 0}

    with psycopg.connect(database.admin_url) as admin:
        for key in ("x/1", "x/2"):
            admin.execute(SEND, ["jobs", key, json.dumps({"id": 1})])
        admin.execute("update app.outbox set refusals = 5, parked_at = now(), reason = 'poison' where key = 'x/1'")

    outbox = panels.read()["outbox"]
    [queue], [refused] = outbox["queues"], outbox["refused"]
    assert (queue["queue"], queue["waiting"], queue["parked"]) == ("jobs", 1, 1)
    assert queue["lag_s"] >= 0
    assert (refused["reason"], refused["is_parked"], refused["refusals"]) == ("poison", True, 5)
    json.dumps(outbox)


@pytest.mark.db
@pytest.mark.parametrize("queue", ["mail", "e-mails", "send_email", "welcome-mail.fifo"])
def test_mail_that_would_be_sent_is_shown(panels: Panels, database: LocalDatabase, queue: str) -> None:
    with psycopg.connect(database.admin_url) as admin:
        for name in (queue, "mailroom", "jobs"):
            admin.execute(SEND, [name, None, json.dumps({"to": "dave@example.com", "subject": "Welcome"})])

    [mail] = panels.read()["mail"]["messages"]
    assert (mail["queue"], mail["message"]["subject"], mail["is_delivered"]) == (queue, "Welcome", False)


@pytest.mark.db
def test_schedule_runs_on_demand(panels: Panels) -> None:
    ran.clear()

    made = panels.run("purge")

    assert (ran, made["app"]) == (["purge"], "nightly")
    first, second = panels.read()["schedules"]["schedules"]
    assert (first["name"], first["expression"], first["timezone"]) == ("purge", "rate(1 day)", "UTC")
    assert (first["last_run"], second["last_run"]) == (made, None)


@pytest.mark.db
def test_failed_run_is_remembered(panels: Panels) -> None:
    with pytest.raises((ToolError, RuntimeError)):
        panels.run("broken")

    assert "error" in panels.read()["schedules"]["schedules"][1]["last_run"]


@pytest.mark.db
def test_secrets_have_names_only(panels: Panels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSOLE_SECRET", "hunter2")

    shown = panels.read()

    assert shown["secrets"] == {"secrets": [{"app": "nightly", "name": "env/CONSOLE_SECRET"}]}
    assert "hunter2" not in json.dumps(shown)
    assert set(shown["caches"]["pages"]) == {"from_memory", "from_disk"}


@pytest.mark.db
def test_project_without_queues_says_so(panels: Panels) -> None:
    assert panels.read()["queues"] == {"is_running": False, "queues": []}


def test_panel_that_cannot_be_read_leaves_the_others() -> None:
    panels = Panels([app], "postgresql://app_service@127.0.0.1:1/nowhere").read()

    assert "error" in panels["outbox"]
    assert len(panels["schedules"]["schedules"]) == 2
