"""`org-common invoke` uses the database of the running local server, and its files are for its user alone."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from org_common import App, AsService, Model, Record
from org_common.tools.cli import main
from org_common.tools.project.project import ToolError
from org_common.tools.serve.invoke import invoke_schedule, schedule_event, use_environment, write_environment
from org_common.values.errors import Conflict

SERVICE = AsService("a test")
WORKER = """
from org_common import App, AsService

app = App("nightly")


@app.schedule("rate(1 day)", allow=AsService("a test"))
def purge() -> None:
    print("purged")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pyproject.toml").write_text('[tool.org-common]\napps = ["nightly_jobs:app"]\n')
    (tmp_path / "nightly_jobs.py").write_text(WORKER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("ORG_COMMON_DATABASE_URL", raising=False)
    return tmp_path


def test_environment_is_read_back_and_only_for_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORG_COMMON_DATABASE_URL", raising=False)
    monkeypatch.setenv("ORG_COMMON_TEST", "old")

    path = write_environment(tmp_path, {"ORG_COMMON_TEST": "new"})
    use_environment(tmp_path)

    assert os.environ["ORG_COMMON_TEST"] == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_own_database_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_DATABASE_URL", "postgresql://own")

    use_environment(tmp_path)

    assert os.environ["ORG_COMMON_DATABASE_URL"] == "postgresql://own"


def test_without_a_running_server_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORG_COMMON_DATABASE_URL", raising=False)

    with pytest.raises(ToolError, match="`org-common dev` is not running"):
        use_environment(tmp_path)


def test_command_runs_a_schedule(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    result = CliRunner().invoke(main, ["invoke", "purge", "--schedule"], catch_exceptions=False)

    assert result.exit_code == 0, result.output
    assert "purged\n" in result.output
    assert "purge of nightly succeeded in " in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["purge"], "--schedule"),
        (["purge", "--schedule", "--input", "{"], "--input is not valid JSON"),
        (["purge", "--schedule", "--input", "[]"], "--input is not a JSON object"),
        (["nothing", "--schedule"], "there is no schedule 'nothing'. Schedules: purge (nightly)"),
    ],
)
def test_command_says_what_is_wrong(
    project: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("ORG_COMMON_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")

    result = CliRunner().invoke(main, ["invoke", *arguments], catch_exceptions=False)

    assert result.exit_code in (1, 2)
    assert message in result.output


# Schedules


class Days(Model):
    days: int


def scheduled() -> tuple[App, list[Any]]:
    app, seen = App("nightly"), list[Any]()

    @app.schedule("rate(1 day)", allow=SERVICE)
    def purge(record: Record) -> None:
        seen.append(record.queue)

    return app, seen


def test_schedule_runs_on_demand() -> None:
    app, seen = scheduled()

    name, took_s = invoke_schedule([App("other"), app], "purge", None)

    assert (name, seen) == ("nightly", ["purge"])
    assert took_s > 0


def test_input_of_a_schedule_is_its_message() -> None:
    app, seen = App("nightly"), list[int]()

    @app.schedule("rate(1 day)", allow=SERVICE)
    def purge(found: Days) -> None:
        seen.append(found.days)

    invoke_schedule([app], "purge", {"days": 30})

    assert seen == [30]


def test_unknown_schedule_is_named_with_those_there_are() -> None:
    app, _ = scheduled()

    with pytest.raises(ToolError, match=r"^there is no schedule 'nightly'. Schedules: purge \(nightly\)$"):
        invoke_schedule([app], "nightly", None)
    with pytest.raises(ToolError, match="^several apps have the schedule 'purge'"):
        invoke_schedule([app, scheduled()[0]], "purge", None)


def test_failed_schedule_is_one_line() -> None:
    app = App("nightly")

    @app.schedule("rate(1 day)", allow=SERVICE)
    def purge() -> None:
        raise Conflict("It runs already.")

    with pytest.raises(ToolError, match="^purge of nightly failed: 409 conflict: It runs already"):
        invoke_schedule([app], "purge", None)


def test_event_of_a_schedule_is_that_of_the_scheduler() -> None:
    event = schedule_event("purge")

    assert event["source"] == "aws.scheduler"
    assert event["detail"] == "{}"
    assert event["resources"] == ["arn:aws:scheduler:eu-central-1:123456789012:schedule/default/purge"]
