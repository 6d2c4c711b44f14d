import stat
from pathlib import Path

import psycopg
import pytest

from org_common.tools.database import running
from org_common.tools.database.local import LocalDatabase
from org_common.tools.project.project import ToolError

LOCAL = LocalDatabase("dev", "postgresql://a", "postgresql://m", "postgresql://l", "postgresql://s")


@pytest.mark.db
def test_urls_are_stored_for_their_user_alone(database: LocalDatabase, tmp_path: Path) -> None:
    (tmp_path / running.FILE).write_text("{}")  # of a server that was killed

    path = running.write(tmp_path, database)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert running.read(tmp_path) == database


def test_nothing_runs_without_a_file(tmp_path: Path) -> None:
    assert running.read(tmp_path) is None


def test_each_role_has_a_url() -> None:
    assert [running.url_of(LOCAL, role)[-1] for role in running.ROLES] == ["a", "m", "l", "s"]


def test_folder_without_a_database_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)

    with pytest.raises(ToolError, match="has no database: start `org-common dev` once"), running.server(tmp_path):
        pass


def test_server_of_the_environment_has_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://elsewhere")

    with pytest.raises(ToolError, match="is not running, and DATABASE_URL names its server"), running.server(tmp_path):
        pass


@pytest.mark.db
def test_running_server_is_used(database: LocalDatabase, tmp_path: Path) -> None:
    running.write(tmp_path, database)

    with running.server(tmp_path) as url, psycopg.connect(url) as admin:
        assert admin.execute("select current_database()").fetchone() == (database.name,)


@pytest.mark.db
def test_url_of_a_killed_server_is_ignored(database: LocalDatabase, tmp_path: Path) -> None:
    gone = database.admin_url.replace(database.name, "gone")
    running.write(tmp_path, LocalDatabase("gone", gone, gone, gone, gone))

    assert running.read(tmp_path) is None
