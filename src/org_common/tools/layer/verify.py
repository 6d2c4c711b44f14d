"""Verifies built layers: every function responds, on a read-only path, with nothing else to import from."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from org_common.app import App
from org_common.config.issuers import EXAMPLE
from org_common.events import http_api as gateway
from org_common.tools.layer import build
from org_common.tools.layer.functions import Function as BuiltFunction
from org_common.tools.layer.targets import Target, interpreter
from org_common.tools.project.project import ToolError
from org_common.tools.runtime import client
from org_common.tools.runtime.api import EnvironmentFailed, Invocation
from org_common.tools.runtime.environment import Environment, Function

# For root, which ignores file modes: a read-only bind mount in a mount namespace that ends with the command.
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
ANY_ID = "0198a000-0000-7000-8000-000000000001"
ARN = "arn:aws:execute-api:eu-central-1:123456789012:local/$default/GET/"
# Settings without which an authorizer does not start.
VARIABLES = {"ORG_COMMON_ISSUERS": EXAMPLE}


@dataclass(frozen=True)
class Verdict:
    """The result for one function."""

    function: str
    statuses: tuple[int, ...]
    """The status of each response."""
    compiled: tuple[str, ...]
    """Files that Python had to compile, because their bytecode is missing or not valid."""
    error: str | None
    """Why it did not respond; None if it did."""

    @property
    def is_good(self) -> bool:
        """Whether it responded to each event, and no file was compiled."""
        return not self.compiled and self.error is None


@dataclass(frozen=True)
class UnpackedBuild:
    """Layers, functions and runtime client, unpacked as in Lambda."""

    folder: Path
    """Contains all of them."""
    layer: Path
    """Folder of the layers, for `sys.path`."""
    tasks: Mapping[str, Path]
    """Folders of the functions by name."""
    client: Path
    """Folder of AWS's runtime client."""
    command: tuple[str, ...]
    """A command that runs a program with read-only access to `folder`."""
    is_read_only: bool
    """False if this machine has no way to make the folder read-only."""

    def function(self, name: str, handler: str, target: Target, record: Path, options: Sequence[str] = ()) -> Function:
        """The function to run from here. `record` is the file for the names of compiled files."""
        path = [self.tasks[name], self.layer, self.client]
        probe = find_spec("org_common.tools.runtime.probe")
        assert probe is not None
        assert probe.origin is not None
        return Function(
            handler,
            path,
            python=interpreter(target.python),
            options=("-I", "-S", *options),
            program=(probe.origin, str(record), os.pathsep.join(map(str, path))),
            command=self.command,
            variables=VARIABLES,
        )


def verify(target: Target, layers: Mapping[str, Path], functions: Sequence[BuiltFunction]) -> Iterator[Verdict]:
    """Run each function in an environment of its own.

    `layers` are the zips by name. An app behind an authorizer gets only the first one; a function that verifies tokens
    gets all.
    """
    if not target.runs_here:
        raise ToolError(
            f"a build for {target.arch} cannot run on this machine: verify it on a machine of that architecture"
        )
    zips = list(layers.values())
    groups = {False: zips[:1], True: zips}
    for all_layers, group_zips in groups.items():
        group = [function for function in functions if verifies_tokens(function.handler) is all_layers]
        if not group:
            continue
        with unpacked(target, group_zips, group) as unpacked_build, TemporaryDirectory() as records:
            for function in group:
                yield _run(unpacked_build, target, function, Path(records, function.name))


def verifies_tokens(handler: str) -> bool:
    """Whether the function is an authorizer, or an app without an authorizer in front."""
    entry = entry_of(handler)
    return not isinstance(entry, App) or not entry.identity.needs_authorizer


def entry_of(handler: str) -> object:
    """The object that Lambda would call for the handler."""
    module, _, name = handler.rpartition(".")
    entry: object = getattr(import_module(module), name)
    return entry


@contextmanager
def unpacked(target: Target, layers: Sequence[Path], functions: Sequence[BuiltFunction]) -> Iterator[UnpackedBuild]:
    """Unpack everything into a new read-only folder, with the dates of the zips. It is removed after the block."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        folder.chmod(0o755)
        layer = build.unpack(layers, folder / "opt")
        tasks = {function.name: folder / "task" / function.name for function in functions}
        for function in functions:
            shutil.unpack_archive(function.file, tasks[function.name], "zip")
        client.install(folder / "client", target.python)
        for path in (*(folder / "opt").rglob("*"), *(folder / "task").rglob("*")):
            # 1980-01-01, the date in the zips, which shutil does not restore.
            os.utime(path, (315532800, 315532800))
        command = _make_read_only(folder)
        try:
            yield UnpackedBuild(
                folder, layer, tasks, folder / "client", command or (), is_read_only=command is not None
            )
        finally:
            _make_writable(folder)


def events(handler: str) -> list[dict[str, Any]]:
    """The events to send: for an app an unknown path and its first route, for an authorizer a token."""
    entry = entry_of(handler)
    if not isinstance(entry, App):
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
        event = gateway.event("GET", "/", headers={"authorization": "Bearer none"})
        return [event | {"type": "REQUEST", "routeArn": ARN, "identitySource": ["Bearer none"]}]
    routes = ((route.method, re.sub(r"\{.*?\}", ANY_ID, route.path)) for route in entry.routes[:1])
    return [gateway.event(method, path) for method, path in (("GET", "/no/such/route"), *routes)]


def _run(unpacked_build: UnpackedBuild, target: Target, function: BuiltFunction, record: Path) -> Verdict:
    statuses: list[int] = []
    problem = None
    try:
        with Environment(unpacked_build.function(function.name, function.handler, target, record)) as environment:
            for event in events(function.handler):
                invocation = environment.invoke(event)
                status = status_of(invocation)
                if status is None:
                    returned = invocation.error or invocation.answer
                    problem = f"returned no valid response: {returned}\n{environment.output()}"
                    break
                statuses.append(status)
    except EnvironmentFailed as error:
        problem = str(error)
    written = record.read_text().splitlines() if record.is_file() else []
    compiled = tuple(
        sorted({str(Path(line).relative_to(unpacked_build.folder)) for line in written if "/client/" not in line})
    )
    return Verdict(function.name, tuple(statuses), compiled, problem)


def status_of(invocation: Invocation) -> int | None:
    """The status that API Gateway would send; None for an invalid response. An authorizer's "Unauthorized" is 401."""
    if invocation.error is not None:
        return 401 if invocation.error.get("errorMessage") == "Unauthorized" else None
    answer = invocation.answer
    return answer["statusCode"] if isinstance(answer, dict) and "statusCode" in answer else None


def _make_read_only(folder: Path) -> tuple[str, ...] | None:
    """The command that runs a program with read-only access to the folder; None if this machine has none."""
    if os.geteuid() != 0:
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        return ()
    command = ("unshare", "--mount", "sh", "-c", READ_ONLY, str(folder))
    test = f"! touch {shlex.quote(str(folder / 'written'))} 2>/dev/null"
    try:
        done = subprocess.run([*command, "sh", "-c", test], capture_output=True, check=False)
    except OSError:
        return None
    return command if done.returncode == 0 else None


def _make_writable(folder: Path) -> None:
    if os.geteuid() != 0:
        for path in (folder, *(each for each in folder.rglob("*") if each.is_dir())):
            path.chmod(0o755)
