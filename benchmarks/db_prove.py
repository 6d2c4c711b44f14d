"""`org-common db prove` of a generated project of 60 tables, next to the same cells without sharing.

    nox -s bench -- db_prove

"One at a time" is a new database for each table, a copy of one with users and organizations, in which the table's own
migration is applied and the rows of its proof are made, and then one statement at a time. The cells are the same, and
both ways run twice, in turn. The budgets are 3 minutes for the proof, and 0.2 for the ratio of both.
"""

import statistics
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import psycopg

from org_common.tools.database.local import LocalDatabase, clone, drop, provision
from org_common.tools.database.migrations import load
from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.project.project import Project
from org_common.tools.prove.database import transaction
from org_common.tools.prove.declaration import FILE, read
from org_common.tools.prove.files import SDK
from org_common.tools.prove.proof import prepare, prove
from org_common.tools.scaffold import files, isolation, new_project
from org_common.tools.scaffold import table as tables
from org_common.tools.scaffold.fields import parse
from org_common.tools.scaffold.layout import Layout
from org_common.tools.scaffold.names import Noun
from org_common.tools.scaffold.table import ROLES, Access, Table

TABLES = 60
ROUNDS = 2
KINDS = ("text", "int", "bool", "date", "timestamp", "uuid", "decimal")
DECLARATION = Path("src/big_shop/migrations") / FILE


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        whole, people = Path(folder, "whole"), Path(folder, "people")
        generated = written(whole)
        written(people, 0)
        with EmbeddedPostgres.start(durable=False) as server:
            all_tables, no_table = database(server.url, whole), database(server.url, people)
            together, apart = [], []
            for _ in range(ROUNDS):
                together.append(prove_together(all_tables, whole))
                apart.append(prove_apart(no_table, people, whole, generated))
    for (cells, seconds), (same, longer) in zip(together, apart, strict=True):
        print(f"together                      {cells:,} cells in {seconds:.1f} s")
        print(f"one at a time, new databases  {same:,} cells in {longer:.1f} s")
    ratio = statistics.median(ours[1] / other[1] for ours, other in zip(together, apart, strict=True))
    print(f"together                      {statistics.median(each for _, each in together):.1f} s (budget 180)")
    print(f"ratio                         {ratio:.2f} (budget 0.2)")


def written(root: Path, count: int = TABLES) -> list[Table]:
    """A project with this number of tables, as `org-common new` and `add table` write it; one table more than 0."""
    generated = [table_of(n) for n in range(count)]
    files.write(root, new_project.files(root, "big-shop", "big_shop", table_of(-1)))
    for table in generated:
        layout = Layout.of(Project.find(root))
        files.write(root, tables.files(layout, table))
        isolation.add(layout, table.noun.plural, isolation.table_lines(table))
    return generated


def table_of(n: int) -> Table:
    """Table `n`, whose fields and roles differ from those of its neighbours; -1 is the first table of a project."""
    kinds = islice(cycle(KINDS), n % len(KINDS), n % len(KINDS) + 4)
    fields = [f"field{place}_{kind}:{kind}{'?' if place else ''}" for place, kind in enumerate(kinds)]
    name = "notes" if n < 0 else f"table{n}_rows"
    return Table(Noun.of(name), parse(fields), Access(ROLES[n % 3]), Access(ROLES[n // 3 % 3]))


def database(url: str, root: Path) -> LocalDatabase:
    """A database with the project's migrations."""
    name = root.name
    return provision(url, name, load([f"big_shop={root / 'src/big_shop/migrations'}"], root=root))


def prove_together(whole: LocalDatabase, root: Path) -> tuple[int, float]:
    """How many cells there are, and the seconds for all of them."""
    begun = time.perf_counter()
    with transaction(whole.admin_url) as conn:
        proof = prove(conn, read([SDK, root / DECLARATION]), progress)
        if proof.findings:
            sys.exit(f"{len(proof.findings)} findings, such as {proof.findings[0].cell.name}")
    return len(proof.cells), time.perf_counter() - begun


def prove_apart(people: LocalDatabase, root: Path, whole: Path, generated: list[Table]) -> tuple[int, float]:
    """The same in a database for each table, one statement at a time. The first one has the cells of all others."""
    begun = time.perf_counter()
    cells = 0
    declared = (root / DECLARATION).read_text("utf-8")
    for number, table in enumerate(generated):
        name = table.noun.plural
        copied = clone(people, f"copy_{number}")
        [migration] = (whole / DECLARATION).parent.glob(f"*_{name}.sql")
        with psycopg.connect(copied.migrator_url) as conn:
            conn.execute(migration.read_bytes())
        file = root / f"{name}.toml"
        file.write_text(isolation.extended(declared, f"big_shop.{name}", isolation.table_lines(table)), "utf-8")
        with transaction(copied.admin_url) as conn:
            proof = prepare(conn, read([SDK, file]))
            for cell in proof.cells:
                if number == 0 or f"big_shop.{name}" in cell.subject:
                    cells += 1
                    list(proof.check([cell]))
        drop(copied)
        progress(number + 1, len(generated))
    return cells, time.perf_counter() - begun


def progress(done: int, total: int) -> None:
    """A line for each tenth, on stderr."""
    if done * 10 // total != (done - 1) * 10 // total:
        print(f"{done:,} of {total:,}", file=sys.stderr)


if __name__ == "__main__":
    main()
