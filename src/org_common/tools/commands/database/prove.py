"""`org-common db prove`: no tenant reaches another tenant's rows, for every table, verb and caller."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from org_common.tools.commands.options import Url
from org_common.tools.commands.terminal import show_progress
from org_common.tools.project.project import Project, make_importable

DECLARATION = click.option(
    "--declaration",
    "declarations",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="File with declarations; may be repeated. Default: isolation.toml next to the migrations of each package in"
    " pyproject.toml, [tool.org-common].",
)


@click.command()
@click.option(
    "--url",
    type=Url(),
    envvar="ORG_COMMON_PROVE_URL",
    show_envvar=True,
    help="Migrated database to prove, as a superuser or a role with BYPASSRLS. It is left as it was.  [default: an"
    " embedded PostgreSQL with all migrations of the project]",
)
@DECLARATION
@click.option(
    "--mutate", is_flag=True, help="Also break each policy, grant, key and guard, and show that it is noticed."
)
@click.option("--thorough", is_flag=True, help="With --mutate: ask all cells about a mutation, not only related ones.")
@click.option("--operands", is_flag=True, help="With --mutate: drop each operand of an AND or OR in a policy as well.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the result as one page to FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--draft", is_flag=True, help="Print entries for what has none, from what the database does now.")
def prove(
    url: str | None,
    declarations: tuple[Path, ...],
    mutate: bool,
    thorough: bool,
    operands: bool,
    html: Path | None,
    as_json: bool,
    draft: bool,
) -> None:
    """Prove that no tenant reaches another tenant's rows.

    Makes two tenants with rows in every table, and asserts for every table, verb and caller what isolation.toml
    declares. All statements are rolled back. Exits with 1 if anything is not as declared, and prints the SQL that
    reproduces it.
    """
    from org_common.tools.prove import database, page, report
    from org_common.tools.prove import declaration as declared
    from org_common.tools.prove.kill import mutate as mutate_all
    from org_common.tools.prove.proof import prove as prove_all

    declaration = declared.read(find_files(declarations, url, draft=draft))
    with ExitStack() as stack:
        address = url or stack.enter_context(database.migrated(Project.find(Path())))
        conn = stack.enter_context(database.transaction(address))
        if draft:
            from org_common.tools.prove.draft import draft as drafted

            click.echo(drafted(conn, declaration))
            return
        proof = prove_all(conn, declaration, show_progress("cells"))
        kills = None
        if mutate and not proof.findings:
            kills = mutate_all(proof, show_progress("mutations"), thorough=thorough, operands=operands)
        for line in [report.dump(report.document(proof, kills))] if as_json else report.lines(proof, kills):
            click.echo(line)
        if html is not None:
            html.write_text(page.page(proof, kills), encoding="utf-8")
    if not report.passed(proof, kills):
        raise click.exceptions.Exit(1)


def find_files(declarations: tuple[Path, ...], url: str | None, *, draft: bool = False) -> list[Path]:
    """The given files, or those of the project. A draft also takes a project whose packages have none yet."""
    from org_common.tools.prove import files

    if declarations and url is not None:
        return [*declarations]
    project = Project.find(Path())
    make_importable(project)
    return [files.SDK, *declarations] if declarations else files.find(project, partly=draft)
