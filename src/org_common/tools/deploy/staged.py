"""Starts CodeDeploy's deployments, which move the aliases of functions, and waits for them and their rollbacks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from org_common.tools.project.project import ToolError

Json = Mapping[str, Any]
ALIAS = "live"
# Between two questions about the deployments that run.
POLL_S = 10.0
# CodeDeploy's limit for one question.
_AT_ONCE = 25
_UNDER_WAY = ("Created", "Queued", "InProgress", "Baking", "Ready")


@dataclass(frozen=True)
class Move:
    """An alias that is to move from one version of its function to another."""

    application: str
    """The CodeDeploy application. Its deployment group has the name of the function."""
    function: str
    current: str
    target: str

    @property
    def app_spec(self) -> str:
        """What CodeDeploy is to do, in its own terms."""
        properties = {
            "Name": self.function,
            "Alias": ALIAS,
            "CurrentVersion": self.current,
            "TargetVersion": self.target,
        }
        resource = {"Type": "AWS::Lambda::Function", "Properties": properties}
        return json.dumps({"version": "0.0", "Resources": [{self.function: resource}]})

    def __str__(self) -> str:
        return f"{self.function}: version {self.target} in place of {self.current}"


class CodeDeploy:
    """CodeDeploy and the aliases that it moves, with the AWS credentials of this shell."""

    def __init__(self, region: str, say: Callable[[str], None], pause: Callable[[float], None] = time.sleep) -> None:
        """`say` receives progress, `pause` waits for seconds."""
        try:
            import botocore.exceptions  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
            import botocore.session  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
        except ImportError as error:
            raise ToolError("a staged deploy needs boto3: pip install 'org-common[aws]'") from error
        session = botocore.session.Session()
        self._errors = (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError)
        with self._reporting("AWS"):
            self._deploy = session.create_client("codedeploy", region_name=region)
            self._lambda = session.create_client("lambda", region_name=region)
        self._say = say
        self._pause = pause

    def moves(self, groups: Mapping[str, str], versions: Mapping[str, str]) -> list[Move]:
        """The aliases that are not at the version that was published last.

        `groups` has the application by function, `versions` the published version by function.
        """
        return [
            Move(application, function, current, versions[function])
            for function, application in sorted(groups.items())
            if function in versions and (current := self._alias(function)["FunctionVersion"]) != versions[function]
        ]

    def start(self, moves: Sequence[Move]) -> dict[str, Move]:
        """Start a deployment for each. Returns them by the deployment's id.

        Raises `ToolError` if CodeDeploy refuses one; those that were started before go on.
        """
        started = dict[str, Move]()
        for move in moves:
            revision = {"revisionType": "AppSpecContent", "appSpecContent": {"content": move.app_spec}}
            running = f". Already started: {', '.join(started)}" if started else ""
            with self._reporting(f"{move.function}: CodeDeploy did not start", running):
                id_ = self._deploy.create_deployment(
                    applicationName=move.application, deploymentGroupName=move.function, revision=revision
                )["deploymentId"]
            started[id_] = move
            self._say(f"{move}: CodeDeploy started {id_}")
        return started

    def wait(self, started: Mapping[str, Move]) -> list[str]:
        """Wait until all have ended, rollbacks included. Returns a line for each that failed."""
        running, shown, failed = dict(started), dict[str, str](), list[str]()
        while running:
            for id_, info in self._states(list(running)):
                move = running[id_]
                if info["status"] in _UNDER_WAY:
                    self._show_progress(id_, move, info["status"], shown)
                    continue
                del running[id_]
                if info["status"] == "Succeeded":
                    self._say(f"{move.function}: version {move.target} is live")
                else:
                    failed.append(self._failure(id_, move, info))
            if running:
                self._pause(POLL_S)
        return failed

    def _show_progress(self, id_: str, move: Move, status: str, shown: dict[str, str]) -> None:
        """Say how far a deployment is, once for each step."""
        weights = self._alias(move.function).get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        share = weights.get(move.target)
        text = status if share is None else f"{100 * share:.0f} % of the requests reach version {move.target}"
        if shown.get(id_) != text:
            shown[id_] = text
            self._say(f"{move.function}: {text}")

    def _failure(self, id_: str, move: Move, info: Json) -> str:
        """Why a deployment failed, and which version handles requests now."""
        rollback = info.get("rollbackInfo", {}).get("rollbackDeploymentId")
        while rollback and self._state(rollback)["status"] in _UNDER_WAY:
            self._pause(POLL_S)
        error = info.get("errorInformation", {})
        reason = ": ".join(filter(None, (error.get("code"), error.get("message")))) or info["status"]
        alias = self._alias(move.function)
        if alias["FunctionVersion"] == move.current and not alias.get("RoutingConfig", {}).get(
            "AdditionalVersionWeights"
        ):
            return f"{move.function}: rolled back to version {move.current}. {id_} ended with {reason}"
        return (
            f"{move.function}: {id_} ended with {reason}, and the alias is not back at version {move.current}. "
            f"Move it: aws lambda update-alias --function-name {move.function} --name {ALIAS} "
            f"--function-version {move.current} --routing-config AdditionalVersionWeights={{}}"
        )

    def _states(self, ids: Sequence[str]) -> Iterator[tuple[str, Json]]:
        for at in range(0, len(ids), _AT_ONCE):
            with self._reporting("CodeDeploy"):
                found = self._deploy.batch_get_deployments(deploymentIds=ids[at : at + _AT_ONCE])["deploymentsInfo"]
            for info in found:
                yield info["deploymentId"], info

    def _state(self, id_: str) -> Json:
        return next((info for _, info in self._states([id_])), {"status": "Unknown"})

    def _alias(self, function: str) -> Json:
        with self._reporting(f"the alias {ALIAS} of {function}"):
            alias: Json = self._lambda.get_alias(FunctionName=function, Name=ALIAS)
        return alias

    @contextmanager
    def _reporting(self, what: str, more: str = "") -> Iterator[None]:
        """Turn errors of AWS into one line."""
        try:
            yield
        except self._errors as error:
            raise ToolError(f"{what}: {str(error).splitlines()[0]}{more}") from None
