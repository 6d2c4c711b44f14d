"""What `org-common dev` prints when it accepts connections: where its pages are, and a command to paste."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys
import time
from pathlib import Path

from org_common.tools.project.project import Project
from org_common.tools.serve import demo_module
from org_common.tools.serve.console.console import PATH as CONSOLE_PATH
from org_common.tools.serve.demo_page import PATH
from org_common.tools.serve.issuer import ISSUER, LocalIssuer, subject


def print_welcome(project: Project, issuer: LocalIssuer, port: int, data: Path | None) -> None:
    """Print the welcome once the server accepts connections: earlier, the pasted command would fail.

    `data` is the data folder, None for the project's own.
    """
    while not _is_listening(port):
        time.sleep(0.05)
    module = demo_module.find(project)
    lines = ["", f"API explorer: http://127.0.0.1:{port}/docs", ""]
    lines += [f"Console: http://127.0.0.1:{port}{CONSOLE_PATH}", ""]
    if demo_module.page_of(module) is not None:
        lines += [f"Demo page: http://127.0.0.1:{port}{PATH}", ""]
    option = "" if data is None else f" --data {shlex.quote(str(data))}"
    command = f"{command_name()} token{option}"
    if module is None:
        lines += [f"A token for any user: {command} NAME (issuer {ISSUER}, subject {subject('NAME')})", ""]
    else:
        name, path = module.EXAMPLE
        lines += [f"Demo users: {', '.join(module.PEOPLE)}. A token for one of them: {command} {name}", ""]
        lines += [f"curl -H 'Authorization: Bearer {issuer.token(name)}' http://127.0.0.1:{port}{path}", ""]
    print("\n".join(lines), flush=True)


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def command_name() -> str:
    """This command as the user can type it. Within nox, PATH differs from that of the user's shell."""
    running = Path(sys.argv[0]).absolute()
    found = shutil.which("org-common")
    if found and Path(found).absolute() == running and "NOX_CURRENT_SESSION" not in os.environ:
        return "org-common"
    here = Path.cwd()
    return shlex.quote(str(running.relative_to(here) if running.is_relative_to(here) else running))
