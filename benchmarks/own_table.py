"""A table with policies and passing isolation tests: with org-common, and with FastAPI, SQLAlchemy and Alembic.

    python benchmarks/own_table.py

Does both from an empty folder, runs the tests of both, and counts lines typed and files touched. What a command or a
template writes (`org-common new` and `add`, `alembic init`, `alembic revision --autogenerate`) counts as its command
alone. Blank lines do not count. Files of the peer are in `stacks/own_table`: `shared` once for a project, `table` again
for each table. Its PostgreSQL is the one of org-common, which its users would have to install.
"""

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import first_minutes
import psycopg

from org_common.tools.database.postgres import EmbeddedPostgres

STACK = Path(__file__).parent / "stacks" / "own_table"
CACHE = Path(__file__).parents[1] / "build" / "own_table"
BUDGET = 0.2


class Desk:
    """A project folder in which someone types: commands, files, and edits of files."""

    def __init__(self, folder: Path, programs: Path, variables: dict[str, str]) -> None:
        self.folder: Path = folder
        """The project."""
        self.lines = 0
        """Lines typed, blank ones left out."""
        self.files: set[str] = set()
        """Files that were created or edited by hand."""
        self._environment = {**os.environ, **variables, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}

    def run(self, line: str) -> str:
        """Type a command and return what it prints."""
        self.lines += 1
        done = subprocess.run(
            shlex.split(line), cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            sys.exit(f"$ {line}\n{done.stdout}{done.stderr}")
        return done.stdout

    def write(self, stage: str) -> None:
        """Type the Python files of a stage."""
        for source in sorted((STACK / stage).rglob("*.py")):
            name = source.relative_to(STACK / stage).as_posix()
            self._save(name, source.read_text(), source.read_text())

    def edit(self, name: str, old: str, new: str, typed: str) -> None:
        """Replace a part of a file; `typed` is what is new in it."""
        text = (self.folder / name).read_text()
        if old not in text:
            sys.exit(f"{name} has no {old!r}")
        self._save(name, text.replace(old, new, 1), typed)

    def size(self) -> int:
        """Lines of the project, typed or written by a command: those that its team owns from now on."""
        paths = [path for path in self.folder.rglob("*.*") if path.suffix in {".py", ".sql", ".toml", ".ini"}]
        return sum(len([line for line in path.read_text().splitlines() if line.strip()]) for path in paths)

    def _save(self, name: str, text: str, typed: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.files.add(name)
        self.lines += sum(1 for line in typed.splitlines() if line.strip())


def with_fastapi(desk: Desk) -> tuple[int, int, int]:
    """Write and test the project; return lines, files and size of the table alone."""
    desk.run("alembic init migrations")
    desk.write("shared")
    typed = (STACK / "shared" / "env.txt").read_text()
    imports, settings = typed.splitlines()[:2], typed.splitlines()[2:]
    desk.edit("migrations/env.py", "target_metadata = None", "\n".join([*imports, *settings]), typed)
    migrate(desk, "people", "shared")
    before, size, files = desk.lines, desk.size(), set(desk.files)
    desk.files = set()
    desk.write("table")
    typed = (STACK / "table" / "main.txt").read_text()
    desk.edit(
        "help_desk/main.py", 'app = FastAPI(title="Help desk")\n', f'app = FastAPI(title="Help desk")\n{typed}', typed
    )
    migrate(desk, "tickets", "table")
    printed = desk.run("pytest -q")
    if "8 passed" not in printed:
        sys.exit(printed)
    table = desk.lines - before, len(desk.files), desk.size() - size
    desk.files |= files
    return table


def migrate(desk: Desk, name: str, stage: str) -> None:
    """Let Alembic write a migration from the models, and add the policies."""
    desk.run(f"alembic revision --autogenerate -m {name}")
    [path] = (desk.folder / "migrations" / "versions").glob(f"*_{name}.py")
    typed = (STACK / stage / "policies.txt").read_text()
    end = "    # ### end Alembic commands ###\n"
    desk.edit(path.relative_to(desk.folder).as_posix(), end, end + typed, typed)
    desk.run("alembic upgrade head")


def with_org_common(folder: Path) -> tuple[Desk, tuple[int, int, int]]:
    """The same by the commands of first_minutes.py, without its local server."""
    desk = Desk(folder, Path(first_minutes.ORG_COMMON).parent, {})
    desk.run("org-common new help-desk")
    desk.folder /= "help-desk"
    desk.lines += 1  # cd help-desk
    before, size = desk.lines, desk.size()
    desk.run("org-common add table tickets subject:text priority:int due_on:date?")
    printed = desk.run("pytest -q tests/test_tickets.py")
    if "8 passed" not in printed:
        sys.exit(printed)
    return desk, (desk.lines - before, len(desk.files), desk.size() - size)


def installed() -> Path:
    """The programs of the peer, in an environment of their own."""
    programs = CACHE / "bin"
    if not (programs / "alembic").exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run([uv, "venv", "--quiet", "--clear", CACHE], check=True)
        packages = STACK.with_suffix(".txt")
        subprocess.run([uv, "pip", "install", "--quiet", "--python", programs / "python", "-r", packages], check=True)
    return programs


def variables(server: EmbeddedPostgres) -> dict[str, str]:
    """The logins of the peer: an administrator for tests, the owner of the tables, and the one of the app."""
    with psycopg.connect(server.url, autocommit=True) as admin:
        admin.execute("create role desk_owner login password 'owner'")
        admin.execute("create role desk_app login password 'app'")
        admin.execute("create database desk owner desk_owner")
    place = server.url.rpartition("@")[2].replace("/postgres", "/desk")
    return {
        "ADMIN_URL": server.url.replace("/postgres", "/desk").replace("//desk", "//postgres"),
        "MIGRATOR_URL": f"postgresql+psycopg://desk_owner:owner@{place}",
        "DATABASE_URL": f"postgresql+psycopg://desk_app:app@{place}",
        "PYTHONPATH": ".",
    }


def main() -> None:
    """Print lines and files of both, and their ratio."""
    programs = installed()
    with tempfile.TemporaryDirectory(prefix="own-table-") as made, EmbeddedPostgres.start(durable=False) as server:
        # Where this runs as root, PostgreSQL does not.
        Path(made).chmod(0o711)
        Path(made, "peer").mkdir()
        peer = Desk(Path(made, "peer"), programs, variables(server))
        peer_table = with_fastapi(peer)
        ours, our_table = with_org_common(Path(made))
    print(f"{'':34} {'org-common':>12} {'FastAPI':>9} {'ratio':>7}  (budget {BUDGET:g})")
    rows = {
        "lines typed, from an empty folder": (ours.lines, peer.lines),
        "files touched": (len(ours.files), len(peer.files)),
        "lines typed, for one more table": (our_table[0], peer_table[0]),
        "files touched, for one more table": (our_table[1], peer_table[1]),
        "lines to own, for one more table": (our_table[2], peer_table[2]),
    }
    for name, (mine, theirs) in rows.items():
        print(f"{name:34} {mine:12} {theirs:9} {mine / theirs:7.3f}")


if __name__ == "__main__":
    main()
