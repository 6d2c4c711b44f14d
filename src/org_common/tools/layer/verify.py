"""Proves a built layer: every function answers from it, on a read-only path, with nothing else to import from."""

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

# Bound over itself and without writing, in a namespace that ends with the command: root minds no file's mode.
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
ANY_ID = "0198a000-0000-7000-8000-000000000001"
ARN = "arn:aws:execute-api:eu-central-1:123456789012:local/$default/GET/"
# Settings without which an authorizer does not start.
VARIABLES = {"ORG_COMMON_ISSUERS": EXAMPLE}


@dataclass(frozen=True)
class Verdict:
    """How one function did. `compiled` are files of layer or function whose byte code was missing or not taken."""

    function: str
    statuses: tuple[int, ...]
    compiled: tuple[str, ...]
    fault: str | None

    @property
    def is_good(self) -> bool:
        return not self.compiled and self.fault is None


@dataclass(frozen=True)
class UnpackedBuild:
    """Layer, function and client unpacked, as Lambda has them; `command` starts what may only read it."""

    folder: Path
    layer: Path
    tasks: Mapping[str, Path]
    client: Path
    command: tuple[str, ...]
    is_read_only: bool

    def function(self, name: str, handler: str, target: Target, record: Path, options: Sequence[str] = ()) -> Function:
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

    `layers` are the zips by name, the first the one that every function has. An app behind an authorizer gets that one
    alone, whatever verifies tokens gets all.
    """
    if not target.runs_here:
        raise ToolError(
            f"what was built for {target.arch} cannot be loaded on this machine: verify it on one of that processor"
        )
    zips = list(layers.values())
    groups = {False: zips[:1], True: zips}
    for all_layers, given in groups.items():
        some = [function for function in functions if verifies_tokens(function.handler) is all_layers]
        if not some:
            continue
        with unpacked(target, given, some) as place, TemporaryDirectory() as records:
            for function in some:
                yield _run(place, target, function, Path(records, function.name))


def verifies_tokens(handler: str) -> bool:
    """An authorizer, or an app without one in front."""
    entry = entry_of(handler)
    return not isinstance(entry, App) or not entry.identity.needs_authorizer


def entry_of(handler: str) -> object:
    """What Lambda would call for the handler."""
    module, _, name = handler.rpartition(".")
    entry: object = getattr(import_module(module), name)
    return entry


@contextmanager
def unpacked(target: Target, layers: Sequence[Path], functions: Sequence[BuiltFunction]) -> Iterator[UnpackedBuild]:
    """All in a new folder that may only be read, with the dates of the zips."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        folder.chmod(0o755)
        layer = build.unpack(layers, folder / "opt")
        tasks = {function.name: folder / "task" / function.name for function in functions}
        for function in functions:
            shutil.unpack_archive(function.file, tasks[function.name], "zip")
        client.install(folder / "client", target.python)
        for path in (*(folder / "opt").rglob("*"), *(folder / "task").rglob("*")):
            # 1980 stays what it is: the zips have it, and unpacking by shutil does not put it back.
            os.utime(path, (315532800, 315532800))
        command = _make_read_only(folder)
        try:
            yield UnpackedBuild(
                folder, layer, tasks, folder / "client", command or (), is_read_only=command is not None
            )
        finally:
            _make_writable(folder)


def events(handler: str) -> list[dict[str, Any]]:
    """What a function is asked: an app a path that it does not have and its first route, an authorizer for a token."""
    entry = entry_of(handler)
    if not isinstance(entry, App):
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
        event = gateway.event("GET", "/", headers={"authorization": "Bearer none"})
        return [event | {"type": "REQUEST", "routeArn": ARN, "identitySource": ["Bearer none"]}]
    routes = ((route.method, re.sub(r"\{.*?\}", ANY_ID, route.path)) for route in entry.routes[:1])
    return [gateway.event(method, path) for method, path in (("GET", "/no/such/route"), *routes)]


def _run(place: UnpackedBuild, target: Target, function: BuiltFunction, record: Path) -> Verdict:
    statuses: list[int] = []
    fault = None
    try:
        with Environment(place.function(function.name, function.handler, target, record)) as environment:
            for event in events(function.handler):
                invocation = environment.invoke(event)
                status = status_of(invocation)
                if status is None:
                    fault = f"answered no response: {invocation.error or invocation.answer}\n{environment.output()}"
                    break
                statuses.append(status)
    except EnvironmentFailed as error:
        fault = str(error)
    written = record.read_text().splitlines() if record.is_file() else []
    compiled = tuple(sorted({str(Path(line).relative_to(place.folder)) for line in written if "/client/" not in line}))
    return Verdict(function.name, tuple(statuses), compiled, fault)


def status_of(invocation: Invocation) -> int | None:
    """What API Gateway makes of the answer; None when it is none. An authorizer refuses with an error of one text."""
    if invocation.error is not None:
        return 401 if invocation.error.get("errorMessage") == "Unauthorized" else None
    answer = invocation.answer
    return answer["statusCode"] if isinstance(answer, dict) and "statusCode" in answer else None


def _make_read_only(folder: Path) -> tuple[str, ...] | None:
    """The command in front of what may only read the folder; None where there is no way."""
    if os.geteuid() != 0:
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        return ()
    command = ("unshare", "--mount", "sh", "-c", READ_ONLY, str(folder))
    tried = f"! touch {shlex.quote(str(folder / 'written'))} 2>/dev/null"
    try:
        done = subprocess.run([*command, "sh", "-c", tried], capture_output=True, check=False)
    except OSError:
        return None
    return command if done.returncode == 0 else None


def _make_writable(folder: Path) -> None:
    if os.geteuid() != 0:
        for path in (folder, *(each for each in folder.rglob("*") if each.is_dir())):
            path.chmod(0o755)
