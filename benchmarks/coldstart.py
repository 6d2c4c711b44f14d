"""Cold starts compared with peers, from the start of the process to the first row, each stack from its own wheels.

Every stack runs under AWS's runtime client against our Runtime API, with a real PostgreSQL on loopback. The stack that
uses PostgREST gets a stub that responds at once. `quota` compares importing the driver early with importing it late.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import harness
import plot
import postgrest

from org_common.events import http_api as gateway
from org_common.tools.layer import archive, build, bytecode, functions, strip
from org_common.tools.layer.settings import LayerSettings
from org_common.tools.layer.targets import Target
from org_common.tools.project import uv
from org_common.tools.project.project import Project, make_importable
from org_common.tools.runtime import client, coldstart
from org_common.tools.runtime.coldstart import Start
from org_common.tools.runtime.environment import Environment, Function
from org_common.tools.serve import devserver
from org_common.tools.serve.issuer import ISSUER, subject

ROOT = Path(__file__).parent.parent
STACK_FILES = ROOT / "benchmarks" / "stacks"
CACHE = ROOT / "build" / "coldstart"
CLAIMS = json.dumps({"iss": ISSUER, "sub": subject("alice"), "exp": 4102444800})
# A key in the form that supabase-py requires; it is not valid anywhere.
KEY = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.c2lnbmF0dXJl"


@dataclasses.dataclass(frozen=True)
class Stack:
    key: str
    title: str
    handler: str
    compiled: bool


STACKS = (
    Stack("a0", "supabase 2.27 + boto3 + requests, sources only (as shipped)", "supabase_app.handler", False),
    Stack("a", "supabase 2.27 + boto3 + requests", "supabase_app.handler", True),
    Stack("b0", "Powertools validated + psycopg, sources only", "powertools_app.handler", False),
    Stack("b", "Powertools validated + psycopg", "powertools_app.handler", True),
    Stack("c0", "FastAPI + Mangum + SQLAlchemy + psycopg, sources only", "fastapi_app.handler", False),
    Stack("c", "FastAPI + Mangum + SQLAlchemy + psycopg", "fastapi_app.handler", True),
    Stack("d0", "org-common, sources only", "cora_modules.access.orgs.app", False),
    Stack("d", "org-common", "cora_modules.access.orgs.app", True),
    Stack("e0", "the limit by hand, sources only", "limit_app.handler", False),
    Stack("e", "the limit by hand", "limit_app.handler", True),
)
NAMES = {"a": "supabase", "b": "powertools", "c": "fastapi", "d": "org-common", "e": "limit"}
TARGETS = (("d", "a0", 0.08), ("d", "a", 0.35), ("d", "b", 0.65), ("d", "e", 1.15))
MEMORY_TARGET = 0.8
ZIP_TARGET = 0.25


def main(arguments: Sequence[str] = ()) -> None:
    count = int(arguments[0]) if arguments and arguments[0].isdecimal() else 11
    if "quota" in arguments:
        with world() as variables:
            quota(variables, count, write="write" in arguments)
        return
    with world() as variables:
        folders = {stack.key: installed(stack) for stack in STACKS}
        runs = {stack.key: function(stack, folders[stack.key], variables) for stack in STACKS}
        starts = coldstart.run_interleaved(
            runs, event(), count, say=lambda text: print(text, file=sys.stderr), start=checked
        )
        sizes = {stack.key: weight(folders[stack.key]) for stack in STACKS}
    lines = [*table(starts, sizes), "", *verdicts(starts, sizes)]
    print("\n".join(lines))
    (CACHE / "result.json").write_text(
        json.dumps({key: [dataclasses.asdict(each) for each in found] for key, found in starts.items()})
    )
    if "write" in arguments:
        plot.write(ROOT / "docs" / "operations" / "coldstart.svg", [bar(stack, starts[stack.key]) for stack in STACKS])
        written = [f"{len(starts['d'])} starts of each, {harness.platform_line()}.", "", *lines]
        between(ROOT / "docs" / "operations" / "coldstart.md", "measured", written)
        print("\nwrote docs/operations/coldstart.svg and the tables of docs/operations/coldstart.md")


def between(page: Path, name: str, lines: Sequence[str]) -> None:
    """Replace the lines between the two marks of the page."""
    text = page.read_text(encoding="utf-8")
    head, _, rest = text.partition(f"<!-- {name} -->")
    _, end, tail = rest.partition(f"<!-- end of {name} -->")
    page.write_text("\n".join([f"{head}<!-- {name} -->", *lines, f"{end}{tail}"]), encoding="utf-8")


def event() -> Any:
    from cora_modules.demo import ACME

    return gateway.event("GET", f"/orgs/{ACME}", headers={"host": "api.test"}, claims=CLAIMS)


def checked(function: Function, event: Any) -> Start:
    """Measure one start, and check that the function responded with the row."""
    with Environment(function) as environment:
        first = environment.invoke(event)
        if first.error is not None or first.answer["statusCode"] != 200 or '"slug"' not in first.answer["body"]:
            sys.exit(f"{function.handler}: {first.error or first.answer}\n{environment.output()}")
        return Start(environment.init_s, first.took_s, (), environment.peak_mb())


@contextmanager
def world() -> Iterator[dict[str, str]]:
    """Start a PostgreSQL with the demo's data, and the stub. Yields the environment variables for all handlers."""
    project = Project.find(ROOT)
    make_importable(project)
    CACHE.mkdir(parents=True, exist_ok=True)
    with coldstart.temporary() as folder:
        folder.chmod(0o711)
        with devserver.database(project, folder) as local, postgrest.serve(row()) as url:
            yield {
                "DATABASE_URL": local.login_url,
                **devserver.environment(local, folder),
                "SUPABASE_URL": url,
                "SUPABASE_KEY": KEY,
            }


def row() -> dict[str, Any]:
    names = ("description", "logo_url", "website_url", "app_name", "app_icon")
    timestamp = "2026-11-01T12:00:00+00:00"
    return {
        "id": "0198a000-0000-7000-8000-00000000ac3e",
        "name": "Acme",
        "slug": "acme",
        "my_role": "org_owner",
        "member_count": 2,
        "created_at": timestamp,
        "updated_at": timestamp,
        **dict.fromkeys(names),
    }


def installed(stack: Stack) -> Path:
    """Install the stack's packages into a folder of their own; for org-common, build and unpack the layer."""
    name, target = NAMES[stack.key[0]], Target.here()
    folder = CACHE / f"{name}-{target.name}{'' if stack.compiled else '-source'}"
    if name == "org-common":
        shutil.rmtree(folder, ignore_errors=True)
        settings, out = LayerSettings.find(ROOT), CACHE / "out"
        built = build.build(settings, target, out, ["runtime"], lambda _: None)
        zips = functions.build(Project.find(ROOT), settings, target.python, out, lambda _: None)
        build.unpack([built[0].file], folder / "opt")
        zipped = next(built for built in zips if built.handler == stack.handler)
        shutil.unpack_archive(zipped.file, folder / "task", "zip")
    elif not folder.exists():
        fresh = folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        arguments = ["install", "--no-config", "--no-deps", "--only-binary", ":all:", "--link-mode", "copy"]
        # Newer than Lambda's platform for Python 3.11: a package of supabase 2.27 has no wheel for that old a glibc.
        platform = target.platform.replace("manylinux2014", "manylinux_2_28")
        arguments += ["--python-platform", platform, "--python-version", target.python]
        uv.run(
            [*arguments, "--target", str(fresh / "opt" / "python"), "--requirements", str(STACK_FILES / f"{name}.txt")]
        )
        (fresh / "task").mkdir()
        fresh.rename(folder)
    if name != "org-common":
        for file in STACK_FILES.glob("*.py"):
            shutil.copy(file, folder / "task")
        if stack.compiled:
            for place in ("opt/python", "task"):
                bytecode.write(folder / place, target.python, f"/{place}", docstrings=True)
    if not stack.compiled:
        for compiled in list(folder.rglob("__pycache__")):
            shutil.rmtree(compiled)
    install_client(folder / "client", target)
    return folder


def install_client(folder: Path, target: Target) -> None:
    """Install AWS's client with its bytecode, which it has on Lambda for every function."""
    shutil.rmtree(folder, ignore_errors=True)
    client.install(folder, target.python)
    strip.strip(folder)
    bytecode.write(folder, target.python, "/var/runtime", docstrings=True)


def function(stack: Stack, folder: Path, variables: dict[str, str]) -> Function:
    path = [folder / "task", folder / "opt" / "python", folder / "client"]
    # -B: /opt and /var/task are read-only on Lambda, so modules without bytecode are compiled at each start.
    return Function(stack.handler, path, options=("-S", "-s", "-B"), variables=variables)


def weight(folder: Path) -> tuple[float, float]:
    """The size of the layer in megabytes, zipped and unzipped."""
    place = folder / "opt" / "python"
    file = CACHE / "weighed.zip"
    archive.write(place, file)
    return file.stat().st_size / 1e6, sum(path.stat().st_size for path in archive.files(place)) / 1e6


def table(starts: dict[str, list[Start]], sizes: dict[str, tuple[float, float]]) -> list[str]:
    lines = [
        "| | stack | layer zip / unzipped MB | init ms | first row ms | start to first row ms | peak memory MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for stack in STACKS:
        found = starts[stack.key]
        init, first, whole = (ms(found, name) for name in ("init_s", "first_s", "to_first_answer_s"))
        zipped, unzipped = sizes[stack.key]
        times = f"{init:.0f} | {first:.0f} | {whole:.0f}"
        peak = statistics.median(start.peak_mb for start in found)
        lines.append(f"| {stack.key} | {stack.title} | {zipped:.1f} / {unzipped:.1f} | {times} | {peak:.1f} |")
    return lines


def verdicts(starts: dict[str, list[Start]], sizes: dict[str, tuple[float, float]]) -> list[str]:
    lines = ["| start to first row | ratio | lowest - highest | budget |", "|---|---|---|---|"]
    for ours, other, most in TARGETS:
        pairs = zip(starts[ours], starts[other], strict=True)
        ratios = sorted(mine.to_first_answer_s / theirs.to_first_answer_s for mine, theirs in pairs)
        middle = statistics.median(ratios)
        verdict = f"{most:g}: {'within' if middle <= most else 'OVER'}"
        lines.append(f"| {ours} / {other} | {middle:.3f} | {ratios[0]:.3f} - {ratios[-1]:.3f} | {verdict} |")
    ratio = statistics.median(
        mine.peak_mb / theirs.peak_mb for mine, theirs in zip(starts["d"], starts["b"], strict=True)
    )
    verdict = f"{MEMORY_TARGET:g}: {'within' if ratio <= MEMORY_TARGET else 'OVER'}"
    lines.append(f"| peak memory, d / b | {ratio:.3f} | | {verdict} |")
    share = sizes["d"][0] / sizes["a0"][0]
    verdict = f"{ZIP_TARGET:g}: {'within' if share <= ZIP_TARGET else 'OVER'}"
    return [*lines, f"| layer zip, d / a0 | {share:.3f} | | {verdict} |"]


def bar(stack: Stack, found: list[Start]) -> plot.Bar:
    init, first, whole = (ms(found, name) for name in ("init_s", "first_s", "to_first_answer_s"))
    return plot.Bar(stack.key, stack.title, init, first, whole, ours=stack.key == "d")


def ms(found: Sequence[Start], name: str) -> float:
    return statistics.median(getattr(each, name) for each in found) * 1000


def quota(variables: dict[str, str], count: int, *, write: bool) -> None:
    """Compare an early and a late driver import, and ours with Powertools, with the share of a CPU that 512 MB buy.

    Lambda gives at least one CPU while it starts an environment, and a share in proportion to the memory from then on.
    Therefore measured twice: with the quota all the time, and with it from the first request on.
    """
    stacks = {stack.key: stack for stack in STACKS}
    early = stacks["e"]
    late = dataclasses.replace(early, handler="limit_lazy_app.handler")
    folder = installed(early)
    runs = {"early": function(early, folder, variables), "late": function(late, folder, variables)}
    peers = {key: function(stacks[key], installed(stacks[key]), variables) for key in ("d", "b")}
    lines: list[str] = []
    with processor_share() as limit:
        for when in ("throughout", "from the first request"):
            throughout = when == "throughout"
            lines.append(f"- quota {when}: {compared(runs, 'late', 'early', limit, count, throughout=throughout)}")
        lines.append(
            f"- quota throughout, the stacks d and b: {compared(peers, 'd', 'b', limit, count, throughout=True)}"
        )
    print("\n".join(lines))
    if write:
        between(ROOT / "docs" / "operations" / "coldstart.md", "quota", lines)


def compared(runs: dict[str, Function], ours: str, other: str, limit: Limit, count: int, *, throughout: bool) -> str:
    """The medians of start to first row in turns, and the ratio of neighbours."""
    found: dict[str, list[Start]] = {name: [] for name in runs}
    for _ in range(count):
        for name, run in runs.items():
            found[name].append(limited(run, limit, throughout=throughout))
    medians = [f"{name} {ms(starts, 'to_first_answer_s'):.0f} ms" for name, starts in found.items()]
    pairs = zip(found[ours], found[other], strict=True)
    ratio = statistics.median(a.to_first_answer_s / b.to_first_answer_s for a, b in pairs)
    return f"{', '.join(medians)}; {ours} / {other} {ratio:.2f} ({count} starts of each)"


def limited(run: Function, limit: Limit, *, throughout: bool) -> Start:
    limit.set(limit.share if throughout else None)
    command = ("sh", "-c", f'echo $$ > {limit.folder}/cgroup.procs && exec "$@"', "sh")
    with Environment(dataclasses.replace(run, command=command)) as environment:
        limit.set(limit.share)
        first = environment.invoke(event())
        assert first.error is None, first.error
        return Start(environment.init_s, first.took_s, (), environment.peak_mb())


@dataclasses.dataclass(frozen=True)
class Limit:
    """A control group with a CPU quota, version 1 or 2 (`cpu.cfs_quota_us`, `cpu.max`)."""

    folder: Path
    share: float = 512 / 1769

    def set(self, share: float | None) -> None:
        period_us = 20_000
        quota_us = -1 if share is None else int(share * period_us)
        if (self.folder / "cpu.max").exists():
            (self.folder / "cpu.max").write_text(f"{'max' if share is None else quota_us} {period_us}")
        else:
            (self.folder / "cpu.cfs_period_us").write_text(str(period_us))
            (self.folder / "cpu.cfs_quota_us").write_text(str(quota_us))


@contextmanager
def processor_share() -> Iterator[Limit]:
    base = Path("/sys/fs/cgroup/cpu") if Path("/sys/fs/cgroup/cpu").is_dir() else Path("/sys/fs/cgroup")
    folder = base / f"org-common-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        sys.exit(f"cannot create a control group ({error}): run this as root")
    try:
        yield Limit(folder)
    finally:
        for _ in range(100):
            try:
                folder.rmdir()
                break
            except OSError:  # the last process is still exiting
                time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1:])
