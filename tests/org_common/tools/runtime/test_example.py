import json
from pathlib import Path

import pytest

from org_common.tools.project.project import Project
from org_common.tools.runtime.example import example


def test_event_from_a_file_uses_the_database_of_this_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORG_COMMON_DATABASE_URL", "postgresql://app_login@db.test/app")
    (tmp_path / "event.json").write_text(json.dumps({"a": 1}))

    with example(Project(tmp_path), tmp_path / "event.json") as (event, variables):
        assert event == {"a": 1}
        assert variables["ORG_COMMON_DATABASE_URL"] == "postgresql://app_login@db.test/app"


def test_project_without_a_demo_is_asked_for_nothing_it_has(tmp_path: Path) -> None:
    with example(Project(tmp_path)) as (event, _):
        assert event["rawPath"] == "/no/such/route"


@pytest.mark.db
@pytest.mark.runtime
def test_demos_example_is_sent_from_a_database(monkeypatch: pytest.MonkeyPatch, postgres: str) -> None:
    from org_common.tools.runtime import coldstart
    from org_common.tools.runtime.environment import Environment

    root = Path(__file__).parents[4]
    monkeypatch.setenv("DATABASE_URL", postgres)

    with example(Project.find(root)) as (event, variables), coldstart.temporary() as bytecode:
        function = coldstart.function_from_checkout(root, "cora_modules.access.orgs.app", bytecode, variables)
        with Environment(function) as environment:
            answer = environment.invoke(event).answer

    assert answer["statusCode"] == 200, answer
