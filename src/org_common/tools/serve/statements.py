"""`org-common dev` prints what `org-common db check` finds, in the background of each start and reload."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

from org_common.tools.check.report import finding_lines
from org_common.tools.check.run import check_project
from org_common.tools.check.watch import URL_VARIABLE
from org_common.tools.project.apps import load
from org_common.tools.project.project import Project


def start_check(say: Callable[[str], None]) -> threading.Thread:
    """Check the project of the current folder in a thread: requests are served meanwhile."""
    thread = threading.Thread(target=_check, args=(say,), name="org-common db check", daemon=True)
    thread.start()
    return thread


def _check(say: Callable[[str], None]) -> None:
    try:
        project = Project.find(Path())
        report = check_project(project, load(project), os.environ[URL_VARIABLE], say=say)
    except Exception as error:  # noqa: BLE001 - the server was stopped, or code is being written: the next reload checks
        say(f"org-common db check: not finished: {error}")
        return
    for line in (line for each in report.findings for line in finding_lines(each)):
        say(line)
