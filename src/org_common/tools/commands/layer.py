"""`org-common layer` and `org-common functions`: build and check the deployment packages."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from org_common.tools.commands.options import Folder, count, json_option, print_json
from org_common.tools.project.project import Project, make_importable

if TYPE_CHECKING:
    from org_common.tools.layer.build import Built
    from org_common.tools.layer.settings import LayerSettings
    from org_common.tools.layer.targets import Target


@click.group()
def layer() -> None:
    """Lock, build, check, verify and report the Lambda layers."""


@click.group()
def functions() -> None:
    """Build the project's Lambda functions."""


PYTHON = click.option(
    "--python", metavar="X.Y", help="Python of the Lambda runtime: 3.11, 3.12, 3.13, 3.14.  [default: the current one]"
)
ARCH = click.option(
    "--arch", metavar="NAME", help="Architecture of the function: x86_64 or arm64.  [default: this machine's]"
)
OUT = click.option(
    "--out",
    type=Folder(file_okay=False, writable=True, path_type=Path),
    default=Path("build/layer"),
    show_default=True,
    help="Folder for the zips.",
)


@layer.command()
@click.option("--upgrade", is_flag=True, help="Upgrade to the newest versions instead of keeping the locked ones.")
def lock(upgrade: bool) -> None:
    """Write the lock files of the layers, and of functions with requirements.

    They have exact versions and hashes for every Python and architecture.
    """
    from org_common.tools.layer import lock as tool

    settings = _settings()
    for name in (*settings.layers, *settings.requirements):
        pins = tool.make(settings, name, ["--upgrade"] if upgrade else [])
        click.echo(f"{settings.lock_of(name).relative_to(settings.root)}: {len(pins)} packages")


@layer.command("build")
@PYTHON
@ARCH
@OUT
@click.option("--layer", "which", default="all", show_default=True, metavar="NAME", help="Layer: runtime, auth or all.")
def build_layer(python: str | None, arch: str | None, out: Path, which: str) -> None:
    """Build the layers as reproducible zips, bytecode included.

    Writes a bill of materials next to each zip, in CycloneDX.
    """
    settings = _settings()
    names = list(settings.layers) if which == "all" else [which]
    for built in _build(settings, _target(python, arch), out, names):
        click.echo(f"{built.sha256}  {built.file}")
        click.echo(f"  {built.zipped / 1e6:.2f} MB, {built.unzipped / 1e6:.2f} unzipped, line {built.line}", err=True)


@layer.command()
@PYTHON
@ARCH
@OUT
@click.option("--record", is_flag=True, help="Record the sizes as the new baseline for growth.")
@json_option
def check(python: str | None, arch: str | None, out: Path, record: bool, as_json: bool) -> None:
    """Compare layer sizes with the budgets.

    Builds all layers. Exits with 1 if one is over budget.
    """
    from org_common.tools.layer import sizes

    settings, target = _settings(), _target(python, arch)
    built = _build(settings, target, out, list(settings.layers))
    rows = sizes.compare(settings, target, {each.layer: each.file for each in built})
    if as_json:
        print_json([{**asdict(row), "over": row.is_over} for row in rows])
    else:
        click.echo("\n".join(sizes.table(target, rows)))
    if record:
        sizes.record(settings, target, rows)
    if any(row.is_over for row in rows):
        raise click.exceptions.Exit(1)


@layer.command()
@PYTHON
@OUT
def verify(python: str | None, out: Path) -> None:
    """Run every function from the built layers.

    Builds layers and functions, and runs each function on a read-only path with nothing else to import from. Exits with
    1 if a function does not respond, if Python has to compile a module, or if a layer's packages differ from its bill
    of materials.
    """
    from org_common.tools.layer import functions as tool
    from org_common.tools.layer import sbom
    from org_common.tools.layer import verify as verifier

    project = Project.find(Path())
    make_importable(project)
    settings, target = _settings(), _target(python, None)
    layers = {each.layer: each.file for each in _build(settings, target, out, list(settings.layers))}
    built = tool.build(project, settings, target.python, out, _say)
    failed = False
    for name, file in layers.items():
        differences = sbom.compare(file)
        failed |= bool(differences)
        click.echo(f"{name}: {'; '.join(differences) or 'its packages are those of its bill of materials'}")
    for verdict in verifier.verify(target, layers, built):
        failed |= not verdict.is_good
        statuses = ", ".join(map(str, verdict.statuses))
        compiled = f"{count(len(verdict.compiled), 'module')} compiled"
        click.echo(
            f"{verdict.function}: responded {statuses}; {compiled}"
            if statuses
            else f"{verdict.function}: no response; {compiled}"
        )
        for detail in (*verdict.compiled, *filter(None, [verdict.error])):
            click.echo(f"  {detail}", err=True)
    if failed:
        raise click.exceptions.Exit(1)


@layer.command()
@PYTHON
@OUT
@click.option("--open", "opened", is_flag=True, help="Open the page in the browser.")
def report(python: str | None, out: Path, opened: bool) -> None:
    """Write a report of sizes and imports.

    Writes layer.html to the --out folder, with sizes by package and file, budgets, and each function's imports at a
    cold start.
    """
    from org_common.tools.layer import functions as tool
    from org_common.tools.layer import report as reporter

    settings, target = _settings(), _target(python, None)
    layers = _build(settings, target, out, list(settings.layers))
    built = tool.build(Project.find(Path()), settings, target.python, out, _say)
    for file in reporter.write(settings, target, layers, built, out):
        click.echo(file)
        if opened and file.suffix == ".html":
            click.launch(str(file))


@functions.command("build")
@PYTHON
@ARCH
@OUT
def build_functions(python: str | None, arch: str | None, out: Path) -> None:
    """Build one zip per function.

    It has the function's modules, and the modules of the project that they import. With requirements of its own, it
    also has their packages; only then does it depend on the architecture.
    """
    from org_common.tools.layer import functions as tool

    settings, target = _settings(), _target(python, arch)
    for built in tool.build(Project.find(Path()), settings, target.python, out, _say, target.arch):
        click.echo(f"{built.sha256}  {built.file}")


def _settings() -> LayerSettings:
    from org_common.tools.layer.settings import LayerSettings

    return LayerSettings.find(Path())


def _target(python: str | None, arch: str | None) -> Target:
    from org_common.tools.layer.targets import Target

    here = Target.here()
    return Target(python or here.python, arch or here.arch)


def _build(settings: LayerSettings, target: Target, out: Path, names: list[str]) -> list[Built]:
    from org_common.tools.layer import build as tool

    # Fail before the build, not after it, when the folder cannot be created.
    out.mkdir(parents=True, exist_ok=True)
    return tool.build(settings, target, out, names, _say)


def _say(text: str) -> None:
    """Progress goes to stderr; stdout is for scripts."""
    click.echo(text, err=True)
