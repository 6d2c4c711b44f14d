"""Who may do what by a message, on one page."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from org_common import App, AsService, Model, OrgCheck, Record, Router, S3Object
from org_common.tools.cli import main
from org_common.tools.project.triggers import format_table, triggers_of

app: App = App("jobs")


class Order(Model):
    org_id: str


@app.sqs("ingest", allow=OrgCheck("org_user"))
def ingest(order: Order) -> None:
    """Store an order."""


@app.s3("uploads", events=["ObjectCreated:*", "ObjectRemoved:*"], allow=AsService("has no caller"))
def uploaded(found: S3Object) -> None: ...


@app.event(source="shop", detail_type="Order Placed", allow=AsService("has no caller"))
def placed(order: Order) -> None: ...


@app.schedule("rate(1 day)", timezone="Europe/Berlin", allow=AsService("has no caller"))
def purge(record: Record) -> None: ...


def test_each_trigger_is_listed_with_its_rule() -> None:
    service = "AsService('has no caller')"

    assert [tuple(each)[1:7] for each in triggers_of([app])] == [
        ("SQS", "ingest", "", "OrgCheck('org_user')", True, "authenticated"),
        ("S3", "uploads", "ObjectCreated:*, ObjectRemoved:*", service, False, "app_service"),
        ("EVENT", "Order Placed", "shop", service, False, "app_service"),
        ("SCHEDULE", "purge", "rate(1 day), Europe/Berlin", service, False, "app_service"),
    ]
    assert triggers_of([app])[0].summary == "Store an order."


def test_triggers_of_a_router_are_listed_with_the_app_that_includes_it() -> None:
    router, including = Router("/mail"), App("mail")
    router.sqs("bounces", outside=True, allow=AsService("has no caller"))(lambda: None)
    router.schedule("rate(1 day)", name="tidy", allow=AsService("has no caller"))(lambda: None)
    including.include(router)

    assert [each[:3] for each in triggers_of([including])] == [("mail", "SQS", "bounces"), ("mail", "SCHEDULE", "tidy")]


def test_table_is_in_columns() -> None:
    lines = format_table(triggers_of([app]))

    assert lines[0].split() == ["type", "name", "source", "rule", "app"]
    assert all(line.endswith("  jobs") for line in lines[1:])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "jobs"\n[tool.org-common]\napps = ["triggers_app:app"]\n'
    )
    (tmp_path / "triggers_app.py").write_text(
        "from org_common import App, AsService, Record\n"
        'app = App("jobs")\n'
        '@app.schedule("rate(1 day)", allow=AsService("why"))\n'
        "def purge(record: Record) -> None: ...\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("project")
def test_command() -> None:
    run = CliRunner().invoke

    assert "SCHEDULE  purge  rate(1 day), UTC  AsService('why')  jobs" in run(main, ["triggers"]).output
    [listed] = json.loads(run(main, ["triggers", "--json"]).output)
    assert (listed["kind"], listed["name"], listed["role"]) == ("SCHEDULE", "purge", "app_service")
    assert json.loads(run(main, ["triggers", "--asyncapi"]).output)["asyncapi"] == "3.0.0"
