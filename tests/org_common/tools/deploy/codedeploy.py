"""A server in place of CodeDeploy and of Lambda's aliases. moto's deployments stay at "Created" and move no alias."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from typing import Any

from tests.support.stub_server import Response, stub_server

Json = dict[str, Any]
ALARM = {
    "code": "ALARM_ACTIVE",
    "message": "One or more alarms have been activated: [prod-crates-faults]",
}


class FakeCodeDeploy:
    """Deployments that go one step further with each question: created, a tenth of the requests, the end."""

    def __init__(self, url: str = "") -> None:
        self.url = url
        self.aliases = dict[str, Json]()
        """The alias `live` of each function."""
        self.failing = set[str]()
        """Functions whose alarm rings in the middle."""
        self.stuck = set[str]()
        """Functions whose alias a rollback leaves at a tenth."""
        self.refused = set[str]()
        """Functions whose deployments are refused."""
        self.created = list[Json]()
        """What was asked for, in order."""
        self._deployments = dict[str, Json]()

    @property
    def environ(self) -> dict[str, str]:
        """The variables with which boto3 talks to it."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_MAX_ATTEMPTS": "1",
        }

    def create(self, asked: Json) -> Json:
        function = asked["deploymentGroupName"]
        if function in self.refused:
            raise LookupError(f"No Deployment Group found for name: {function}")
        self.created.append(asked)
        [resource] = json.loads(asked["revision"]["appSpecContent"]["content"])["Resources"]
        target = resource[function]["Properties"]["TargetVersion"]
        return self._add({"status": "Created", "function": function, "target": target})

    def get(self, asked: Json) -> Json:
        return {"deploymentsInfo": [self._step(id_) for id_ in asked["deploymentIds"]]}

    def _add(self, deployment: Json) -> Json:
        id_ = f"d-{len(self._deployments) + 1}"
        self._deployments[id_] = {"deploymentId": id_, **deployment}
        return {"deploymentId": id_}

    def _step(self, id_: str) -> Json:
        deployment = self._deployments[id_]
        function, target = deployment["function"], deployment["target"]
        alias = self.aliases[function]
        if deployment["status"] == "Created":
            deployment["status"] = "InProgress"
            if not deployment.get("is_rollback"):
                alias["RoutingConfig"] = {"AdditionalVersionWeights": {target: 0.1}}
        elif deployment["status"] == "InProgress" and function in self.failing and not deployment.get("is_rollback"):
            deployment |= {"status": "Stopped", "errorInformation": ALARM}
            back = {"status": "Created", "function": function, "target": alias["FunctionVersion"], "is_rollback": True}
            deployment["rollbackInfo"] = {"rollbackDeploymentId": self._add(back)["deploymentId"]}
        elif deployment["status"] == "InProgress":
            deployment["status"] = "Succeeded"
            if function not in self.stuck:
                alias |= {"FunctionVersion": target, "RoutingConfig": {}}
        return {key: value for key, value in deployment.items() if key not in ("function", "target", "is_rollback")}

    def respond(self, method: str, path: str, headers: Message[str, str], body: bytes) -> Response:
        if method == "GET":
            function = path.split("/")[3]
            if function not in self.aliases:
                return _json({"Message": f"Cannot find alias arn: {function}:live"}, 404)
            return _json({"Name": "live", **self.aliases[function]})
        operation = headers["x-amz-target"].rpartition(".")[2]
        try:
            return _json(
                {"CreateDeployment": self.create, "BatchGetDeployments": self.get}[operation](json.loads(body))
            )
        except LookupError as error:
            return _json({"__type": "DeploymentGroupDoesNotExistException", "message": error.args[0]}, 400)


def _json(body: Json, status: int = 200) -> Response:
    return status, {}, json.dumps(body).encode()


@contextmanager
def fake_codedeploy() -> Iterator[FakeCodeDeploy]:
    """The server, until the end of the block."""
    fake = FakeCodeDeploy()
    with stub_server(fake.respond) as fake.url:
        yield fake
