"""The AWS of these tests: moto's server, with functions, log lines and metrics."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime
from typing import Any

from tests.support.aws import FakeAws


class Cloud:
    """An account on moto's server. Empty at first."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        self._clients: dict[str, Any] = {}
        self._groups: set[str] = set()
        document = json.dumps({"Version": "2012-10-17", "Statement": []})
        self.client("iam").create_role(RoleName="role", AssumeRolePolicyDocument=document)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = self.aws.client(service)
        return self._clients[service]

    def create_function(self, name: str, *, alias: str | None = "live", **more: Any) -> None:
        """Create a function with one published version, to which the alias points."""
        functions = self.client("lambda")
        functions.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role="arn:aws:iam::123456789012:role/role",
            Handler="app.app",
            Code={"ZipFile": zipped("")},
            **{"MemorySize": 512, "Timeout": 29, **more},
        )
        if alias is not None:
            version = functions.publish_version(FunctionName=name)["Version"]
            functions.create_alias(FunctionName=name, Name=alias, FunctionVersion=version)

    def deploy_code(self, name: str) -> None:
        """Change the code of `$LATEST`."""
        self.client("lambda").update_function_code(FunctionName=name, ZipFile=zipped("# changed"))

    def publish_layer(self, name: str) -> str:
        """Publish a version of a layer. Returns its ARN."""
        content = {"ZipFile": zipped("")}
        arn: str = self.client("lambda").publish_layer_version(LayerName=name, Content=content)["LayerVersionArn"]
        return arn

    def log(self, function: str, at: datetime, *messages: str) -> None:
        logs, group = self.client("logs"), f"/aws/lambda/{function}"
        if group not in self._groups:
            self._groups.add(group)
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName="s")
        events = [{"timestamp": int(at.timestamp() * 1000), "message": message} for message in messages]
        logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)

    def report(self, function: str, at: datetime, *, duration_ms: float, init_ms: float | None = None) -> None:
        """Log a REPORT line."""
        init = "" if init_ms is None else f"Init Duration: {init_ms} ms\t"
        self.log(
            function,
            at,
            f"REPORT RequestId: 0a-1\tDuration: {duration_ms} ms\tBilled Duration: 9 ms\t"
            f"Memory Size: 512 MB\tMax Memory Used: 80 MB\t{init}\n",
        )

    def measure(self, function: str, at: datetime, metric: str, value: float) -> None:
        dimensions = [{"Name": "FunctionName", "Value": function}]
        data = {"MetricName": metric, "Dimensions": dimensions, "Timestamp": at, "Value": value}
        self.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=[data])


def zipped(source: str) -> bytes:
    """A zip with one file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py", (2026, 1, 1, 0, 0, 0)), source)
    return file.getvalue()
