"""`org-common invoke`: run a schedule on demand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from org_common.tools.commands.dev import DATA
from org_common.tools.project.project import Project


@click.command()
@click.argument("name")
@click.option("--schedule", is_flag=True, required=True, help="NAME is a schedule: run it once, now.")
@click.option(
    "--input", "text", metavar="JSON", help="Input of the schedule, a JSON object. By default, its own event."
)
@click.option("--data", type=DATA, help="The folder that `org-common dev` uses.  [default: .org-common in the project]")
def invoke(name: str, schedule: bool, text: str | None, data: Path | None) -> None:
    """Run a schedule of the project once, on the database of the running `org-common dev`.

    To use another database, set ORG_COMMON_DATABASE_URL.
    """
    from org_common.telemetry.requests import observe
    from org_common.tools.project import apps
    from org_common.tools.serve import devserver
    from org_common.tools.serve import invoke as tool

    project = Project.find(Path())
    tool.use_environment(devserver.data_folder(project, data))
    observe("text")
    app, took_s = tool.invoke_schedule(apps.load(project), name, _object(text))
    click.echo(f"{name} of {app} succeeded in {took_s * 1000:.0f} ms")


def _object(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise click.UsageError(f"--input is not valid JSON: {error}") from error
    if not isinstance(found, dict):
        raise click.UsageError("--input is not a JSON object. Example: --input '{\"days\": 30}'")
    return found
