"""`org-common coldstart`: what a cold start takes."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from org_common.tools.project.project import Project, make_importable


@click.command()
@click.argument("app", metavar="MODULE:NAME")
@click.option("-n", "--count", default=10, show_default=True, type=click.IntRange(1), help="Environments to start.")
@click.option("--against", metavar="REV", help="Compare with this revision of git, start by start in turn.")
@click.option(
    "--runner", type=click.Choice(["own", "rie"]), default="own", show_default=True, help="rie: AWS's emulator."
)
@click.option("--memory", default=512, show_default=True, type=click.IntRange(128, 10240), help="MB, for the cost.")
@click.option(
    "--event", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file with the event to ask with."
)
def coldstart(app: str, count: int, against: str | None, runner: str, memory: int, event: Path | None) -> None:
    """Start MODULE:NAME again and again under AWS's runtime client: init, first and warm requests, slowest imports."""
    from org_common.tools.layer.targets import Target
    from org_common.tools.project.modules import load_object
    from org_common.tools.runtime import coldstart as tool
    from org_common.tools.runtime import emulator
    from org_common.tools.runtime.example import example

    project = Project.find(Path())
    make_importable(project)
    # Here first: what is wrong with it is one line, and AWS's client would tell it in forty.
    load_object(app, app)
    handler = app.replace(":", ".")
    start: Callable[..., tool.Start] = tool.start if runner == "own" else emulator.start
    with ExitStack() as stack:
        asked, variables = stack.enter_context(example(project, event))
        roots = {"now": project.root}
        if against is not None:
            roots[against] = stack.enter_context(tool.revision(project.root, against))
        functions = {
            key: tool.function_from_checkout(root, handler, stack.enter_context(tool.temporary()), variables)
            for key, root in roots.items()
        }
        found = tool.run_interleaved(functions, asked, count, say=lambda text: click.echo(text, err=True), start=start)
        profile = tool.imports(functions["now"])
    for key, starts in found.items():
        click.echo("\n".join([*([f"{key}:"] if against else []), *tool.describe(starts)]))
    init_s = tool.median_init_s(found["now"])
    arch = Target.here().arch
    click.echo(
        f"{'a million cold starts':<24} ${tool.cost(init_s, memory, arch):.2f}"
        f"   (init x {memory} MB x ${tool.PRICES[arch]} a GB-second on {arch})"
    )
    if against is not None:
        click.echo("\n".join([f"now / {against}:", *tool.compare(found["now"], found[against])]))
    click.echo("slowest imports (profiled, own time):")
    click.echo("\n".join(tool.describe_imports(profile)))
