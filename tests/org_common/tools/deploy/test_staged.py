from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from org_common.tools.deploy.staged import POLL_S, CodeDeploy, Move
from org_common.tools.project.project import ToolError
from tests.org_common.tools.deploy.codedeploy import ALARM, FakeCodeDeploy, fake_codedeploy

GROUPS = {"prod-crates": "prod-shop", "prod-parcels": "prod-shop"}
VERSIONS = {"prod-crates": "4", "prod-parcels": "9", "prod-other": "1"}


class Said:
    """What was said, and for how many seconds was paused."""

    def __init__(self) -> None:
        self.lines, self.pauses = list[str](), list[float]()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCodeDeploy]:
    with fake_codedeploy() as fake:
        for name, value in fake.environ.items():
            monkeypatch.setenv(name, value)
        fake.aliases = {"prod-crates": {"FunctionVersion": "3"}, "prod-parcels": {"FunctionVersion": "9"}}
        yield fake


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def deployments(aws: FakeCodeDeploy, said: Said) -> CodeDeploy:
    return CodeDeploy("eu-central-1", said.lines.append, said.pauses.append)


def test_aliases_behind_the_published_version_are_to_move(deployments: CodeDeploy) -> None:
    assert deployments.moves(GROUPS, VERSIONS) == [Move("prod-shop", "prod-crates", "3", "4")]


def test_function_without_a_published_version_stays(deployments: CodeDeploy) -> None:
    assert deployments.moves({"prod-crates": "prod-shop"}, {}) == []


def test_deployment_is_started_with_its_app_spec(deployments: CodeDeploy, aws: FakeCodeDeploy) -> None:
    started = deployments.start(deployments.moves(GROUPS, VERSIONS))

    assert list(started) == ["d-1"]
    [asked] = aws.created
    assert (asked["applicationName"], asked["deploymentGroupName"]) == ("prod-shop", "prod-crates")
    properties = {"Name": "prod-crates", "Alias": "live", "CurrentVersion": "3", "TargetVersion": "4"}
    assert asked["revision"]["revisionType"] == "AppSpecContent"
    assert json.loads(asked["revision"]["appSpecContent"]["content"]) == {
        "version": "0.0",
        "Resources": [{"prod-crates": {"Type": "AWS::Lambda::Function", "Properties": properties}}],
    }


def test_progress_is_shown_until_the_version_is_live(deployments: CodeDeploy, aws: FakeCodeDeploy, said: Said) -> None:
    failed = deployments.wait(deployments.start(deployments.moves(GROUPS, VERSIONS)))

    assert failed == []
    assert said.lines == [
        "prod-crates: version 4 in place of 3: CodeDeploy started d-1",
        "prod-crates: 10 % of the requests reach version 4",
        "prod-crates: version 4 is live",
    ]
    assert said.pauses == [POLL_S]
    assert aws.aliases["prod-crates"]["FunctionVersion"] == "4"


def test_rollback_is_reported_when_the_alias_is_back(deployments: CodeDeploy, aws: FakeCodeDeploy, said: Said) -> None:
    aws.aliases["prod-parcels"] = {"FunctionVersion": "8"}
    aws.failing.add("prod-crates")

    failed = deployments.wait(deployments.start(deployments.moves(GROUPS, VERSIONS)))

    assert failed == [f"prod-crates: rolled back to version 3. d-1 ended with ALARM_ACTIVE: {ALARM['message']}"]
    # The other function goes on.
    assert said.lines[-1] == "prod-parcels: version 9 is live"
    assert aws.aliases["prod-crates"] == {"FunctionVersion": "3", "RoutingConfig": {}}


def test_alias_that_is_not_back_gets_a_command(deployments: CodeDeploy, aws: FakeCodeDeploy) -> None:
    aws.failing.add("prod-crates")
    aws.stuck.add("prod-crates")

    [failed] = deployments.wait(deployments.start(deployments.moves(GROUPS, VERSIONS)))

    assert "and the alias is not back at version 3" in failed
    assert failed.endswith(
        "aws lambda update-alias --function-name prod-crates --name live --function-version 3 "
        "--routing-config AdditionalVersionWeights={}"
    )


def test_refused_deployment_names_those_that_run(deployments: CodeDeploy, aws: FakeCodeDeploy) -> None:
    aws.aliases["prod-parcels"] = {"FunctionVersion": "8"}
    aws.refused.add("prod-parcels")

    with pytest.raises(ToolError, match=r"^prod-parcels: CodeDeploy did not start: .*Already started: d-1$"):
        deployments.start(deployments.moves(GROUPS, VERSIONS))


def test_missing_alias_is_one_line(deployments: CodeDeploy) -> None:
    with pytest.raises(ToolError, match="^the alias live of prod-other: .*Cannot find alias") as error:
        deployments.moves({"prod-other": "prod-shop"}, VERSIONS)

    assert "\n" not in str(error.value)
