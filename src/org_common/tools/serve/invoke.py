"""`org-common invoke`: runs a schedule of the project once, in the environment of the local server."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from org_common.app import App
from org_common.tools.project.project import ToolError
from org_common.tools.serve.fake_aws import ACCOUNT, REGION
from org_common.values.errors import OrgError
from org_common.values.types import LocalContext

# Lambda's longest timeout.
TIMEOUT_S = 900.0
FILE = "environment.json"


def write_environment(data: Path, environ: dict[str, str]) -> Path:
    """Store the variables of the running server, with its local passwords, for its user alone."""
    path = data / FILE
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(environ, file)
    return path


def use_environment(data: Path) -> None:
    """Use the variables of the running server, unless ORG_COMMON_DATABASE_URL is set. `ToolError` without one."""
    if os.environ.get("ORG_COMMON_DATABASE_URL"):
        return
    try:
        environ: dict[str, str] = json.loads((data / FILE).read_text())
    except FileNotFoundError:
        raise ToolError("`org-common dev` is not running: start it, or set ORG_COMMON_DATABASE_URL") from None
    os.environ.update(environ)


def invoke_schedule(apps: Sequence[App], name: str, input: dict[str, Any] | None) -> tuple[str, float]:
    """Run a schedule once; returns the name of its app, and the seconds that it took.

    `input` is what EventBridge Scheduler would send as the event; None for its own event. Raises `ToolError` for an
    unknown name, and if the handler fails.
    """
    schedules = [(app, trigger) for app in apps for trigger in app.triggers if trigger.kind == "SCHEDULE"]
    found = [(app, trigger) for app, trigger in schedules if trigger.name == name]
    if len(found) != 1:
        known = ", ".join(f"{trigger.name} ({app.name})" for app, trigger in schedules) or "none"
        problem = "there is no schedule" if not found else "several apps have the schedule"
        raise ToolError(f"{problem} {name!r}. Schedules: {known}")
    app = found[0][0]
    event = schedule_event(name) if input is None else input
    if input is not None and sum(trigger.kind == "SCHEDULE" for trigger in app.triggers) > 1:
        # An input is the complete event, and an app with several schedules has to know which one it is.
        event = {"schedule": name, **input}
    began_s = time.monotonic()
    try:
        app(event, LocalContext(str(uuid.uuid4()), TIMEOUT_S))
    except OrgError as error:
        raise ToolError(f"{name} of {app.name} failed: {error.status} {error.code}: {error.detail}") from error
    return app.name, time.monotonic() - began_s


def schedule_event(name: str) -> dict[str, Any]:
    """The event that EventBridge Scheduler sends for a schedule without an input."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{name}"],
        # A string, unlike the detail of other events.
        "detail": "{}",
    }
