"""`org-common coldstart`: measure cold starts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from org_common.tools.project.project import Project, make_importable

if TYPE_CHECKING:
    from org_common.tools.runtime.coldstart import Start
    from org_common.tools.runtime.environment import Function


@click.command()
@click.argument("app", metavar="MODULE:NAME")
@click.option("-n", "--count", default=10, show_default=True, type=click.IntRange(1), help="Environments to start.")
@click.option("--against", metavar="REV", help="Git revision to compare with; the starts of both are interleaved.")
@click.option(
    "--runner",
    type=click.Choice(["own", "rie"]),
    default="own",
    show_default=True,
    help="own: the built-in Runtime API; rie: AWS's Runtime Interface Emulator.",
)
@click.option(
    "--memory",
    default=512,
    show_default=True,
    type=click.IntRange(128, 10240),
    help="Memory in MB, to compute the cost.",
)
@click.option(
    "--event",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="JSON file with the event to send.  [default: the demo's example]",
)
@click.option(
    "--pause",
    "pause_s",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0, 60),
    help="Mean seconds between warm requests, at random, as at a low rate.",
)
@click.option(
    "--json",
    "out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the measured times to FILE, for `org-common plan`.",
)
def coldstart(
    app: str,
    count: int,
    against: str | None,
    runner: str,
    memory: int,
    event: Path | None,
    pause_s: float,
    out: Path | None,
) -> None:
    """Measure cold starts of MODULE:NAME under AWS's runtime client.

    Prints init, first request, warm requests, the slowest imports, and what a million cold starts cost.
    """
    from org_common.tools.layer.targets import Target
    from org_common.tools.project.modules import load_object
    from org_common.tools.runtime import coldstart as tool
    from org_common.tools.runtime.example import example

    project = Project.find(Path())
    make_importable(project)
    # Load it here first: an error is one line here, and forty lines from AWS's client.
    load_object(app, app)
    handler = app.replace(":", ".")
    with ExitStack() as stack:
        sample, variables = stack.enter_context(example(project, event))
        variables |= _precompiled(stack.enter_context(tool.temporary()))
        roots = {"now": project.root}
        if against is not None:
            roots[against] = stack.enter_context(tool.revision(project.root, against))
        functions = {
            key: tool.function_from_checkout(root, handler, stack.enter_context(tool.temporary()), variables)
            for key, root in roots.items()
        }
        starts = tool.run_interleaved(
            functions, sample, count, say=lambda text: click.echo(text, err=True), start=_measure(runner, pause_s)
        )
        profile = tool.imports(functions["now"])
    if out is not None:
        out.write_text(tool.dump(starts["now"]), encoding="utf-8")
    for key, of_revision in starts.items():
        click.echo("\n".join([*([f"{key}:"] if against else []), *tool.describe(of_revision)]))
    init_s = tool.median_init_s(starts["now"])
    arch = Target.here().arch
    click.echo(
        f"{'a million cold starts':<24} ${tool.cost(init_s, memory, arch):.2f}"
        f"   (init x {memory} MB x ${tool.PRICES[arch]} per GB-second on {arch})"
    )
    if against is not None:
        click.echo("\n".join([f"now / {against}:", *tool.compare(starts["now"], starts[against])]))
    click.echo("slowest imports (profiled, self time):")
    click.echo("\n".join(tool.describe_imports(profile)))


def _measure(runner: str, pause_s: float) -> Callable[[Function, Any], Start]:
    """What starts an environment once and measures it."""
    from org_common.tools.runtime import coldstart, emulator

    if runner == "own":
        return partial(coldstart.start, pause_s=pause_s)
    if pause_s:
        raise click.UsageError("--pause works with the runner own")
    return emulator.start


def _precompiled(folder: Path) -> dict[str, str]:
    """Write the texts that a layer contains compiled. They are found by source, so one file serves each revision."""
    from org_common.lifecycle import precompiled
    from org_common.tools.layer import precompile

    file = folder / precompiled.FILE
    precompile.write(file, Path(sys.executable), [Path(place) for place in sys.path if place])
    return {precompiled.SWITCH: str(file)}
