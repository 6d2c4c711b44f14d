"""`org-common manifest`: write what the project needs from AWS, or compare it with an earlier manifest."""

from pathlib import Path

import click

from org_common.tools.project.project import Project


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.  [default: stdout]")
@click.option(
    "--python", metavar="X.Y", help="Python of the Lambda runtime: 3.11, 3.12, 3.13, 3.14.  [default: the current one]"
)
@click.option(
    "--arch", metavar="NAME", help="Architecture of the functions: x86_64 or arm64.  [default: this machine's]"
)
@click.option(
    "--build",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the built zips; the manifest then has their hashes.",
)
@click.option(
    "--diff",
    "old",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Print the changes since this earlier manifest.",
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of manifests.")
def manifest(
    out: Path | None, python: str | None, arch: str | None, build: Path | None, old: Path | None, schema: bool
) -> None:
    """Write one JSON document with what the project's functions need from AWS.

    Terraform reads it. Runs no handler and needs no network. Exits with 1 and every reason if it cannot be deployed.
    """
    from org_common.tools.layer.targets import Target
    from org_common.tools.manifest import document as tool

    if schema:
        click.echo(tool.SCHEMA.read_text(encoding="utf-8"), nl=False)
        return
    here = Target.here()
    document = tool.manifest(Project.find(Path()), Target(python or here.python, arch or here.arch), build)
    # Read before the file is written, which may be the same one.
    before = None if old is None else tool.read(old)
    if out is not None:
        out.write_text(tool.dump(document), encoding="utf-8")
    if before is not None:
        from org_common.tools.manifest.changes import changes

        found = changes(before, document)
        click.echo("\n".join(map(str, found)) or "no changes")
    elif out is None:
        click.echo(tool.dump(document), nl=False)
