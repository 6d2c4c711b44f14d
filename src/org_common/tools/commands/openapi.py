"""`org-common openapi`: write the OpenAPI document, or compare it with an earlier one."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from org_common.tools.project.project import Project, ToolError

if TYPE_CHECKING:
    from org_common.tools.openapi.changes import Change


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.  [default: stdout]")
@click.option("--title", help="Title of the API.  [default: name of [project] in pyproject.toml, or the folder's name]")
@click.option("--api-version", help="Version of the API.  [default: version of [project] in pyproject.toml, or 0]")
@click.option("--server", "servers", metavar="URL", multiple=True, help="Base URL of the API; may be repeated.")
@click.option("--public", is_flag=True, help="Omit the x-… extensions, which disclose the access rules.")
@click.option(
    "--diff",
    "old",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with this earlier document; exit with 1 on a breaking change.",
)
@click.option("--json", "as_json", is_flag=True, help="With --diff, print the changes as JSON.")
def openapi(
    out: Path | None,
    title: str | None,
    api_version: str | None,
    servers: tuple[str, ...],
    public: bool,
    old: Path | None,
    as_json: bool,
) -> None:
    """Write an OpenAPI 3.1 document for all apps of the project. Runs no handler and needs no network."""
    from org_common.tools.openapi import declarations
    from org_common.tools.openapi import document as tool
    from org_common.tools.project import apps

    if as_json and old is None:
        raise click.UsageError("--json needs --diff. Without --diff the output is JSON already.")
    project = Project.find(Path())
    loaded = apps.load(project)
    declarations.check(loaded)
    document = tool.document(
        loaded,
        title=title or project.name,
        version=api_version or project.version,
        servers=servers,
    )
    if public:
        document = tool.without_extensions(document)
    if out is not None:
        out.write_text(tool.dump(document), encoding="utf-8")
    if old is not None:
        from org_common.tools.openapi.changes import changes

        differences = changes(_read(old), document)
        _print(differences, as_json=as_json)
        if any(change.breaking for change in differences):
            raise click.exceptions.Exit(1)
    elif out is None:
        click.echo(tool.dump(document), nl=False)


def _read(file: Path) -> dict[str, Any]:
    import json

    try:
        document = json.loads(file.read_bytes())
    except ValueError as error:
        raise ToolError(f"{file} is not valid JSON: {error}") from error
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        raise ToolError(f"{file} is not an OpenAPI 3 document: write one with org-common openapi --out {file}")
    return document


def _print(differences: "list[Change]", *, as_json: bool) -> None:
    breaking = sum(change.breaking for change in differences)
    if as_json:
        import json

        report = {"breaking": breaking, "changes": [change.as_dict() for change in differences]}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for change in differences:
        click.echo(str(change))
    click.echo(
        f"{breaking} breaking and {len(differences) - breaking} compatible changes" if differences else "no changes"
    )
