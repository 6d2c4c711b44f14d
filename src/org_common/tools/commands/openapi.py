"""`org-common openapi`: the document of all apps, and what changed in it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from org_common.tools.project.project import Project, ToolError

if TYPE_CHECKING:
    from org_common.tools.openapi.changes import Change


@click.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, not to the console.")
@click.option("--title", help="Of the API.  [default: name of [project] in pyproject.toml, or the folder's]")
@click.option("--api-version", help="Of the API.  [default: version of [project] in pyproject.toml, or 0]")
@click.option("--server", "servers", metavar="URL", multiple=True, help="Where the API is; may be repeated.")
@click.option("--public", is_flag=True, help="Leave out the fields x-…, which tell the access rules.")
@click.option(
    "--diff",
    "old",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with this earlier document instead; exit with 1 if callers would break.",
)
@click.option("--json", "as_json", is_flag=True, help="With --diff: print the changes as JSON.")
def openapi(
    out: Path | None,
    title: str | None,
    api_version: str | None,
    servers: tuple[str, ...],
    public: bool,
    old: Path | None,
    as_json: bool,
) -> None:
    """Write one OpenAPI 3.1 document for all apps of the project. Runs no handler and needs no network."""
    from org_common.tools.openapi import document as tool
    from org_common.tools.project import apps

    if as_json and old is None:
        raise click.UsageError("--json goes with --diff: the document is JSON anyway.")
    project = Project.find(Path())
    made = tool.document(
        apps.load(project),
        title=title or project.name,
        version=api_version or project.version,
        servers=servers,
    )
    if public:
        made = tool.without_extensions(made)
    if out is not None:
        out.write_text(tool.dump(made), encoding="utf-8")
    if old is not None:
        from org_common.tools.openapi.changes import changes

        found = changes(_read(old), made)
        _print(found, as_json=as_json)
        if any(change.breaking for change in found):
            raise click.exceptions.Exit(1)
    elif out is None:
        click.echo(tool.dump(made), nl=False)


def _read(file: Path) -> dict[str, Any]:
    import json

    try:
        document = json.loads(file.read_bytes())
    except ValueError as error:
        raise ToolError(f"{file} is no JSON: {error}") from error
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        raise ToolError(f"{file} is no OpenAPI 3 document: write one with org-common openapi --out {file}")
    return document


def _print(found: "list[Change]", *, as_json: bool) -> None:
    breaking = sum(change.breaking for change in found)
    if as_json:
        import json

        report = {"breaking": breaking, "changes": [change.as_dict() for change in found]}
        click.echo(json.dumps(report, indent=2, ensure_ascii=False))
        return
    for change in found:
        click.echo(str(change))
    click.echo(f"{breaking} breaking and {len(found) - breaking} compatible changes" if found else "nothing changed")
