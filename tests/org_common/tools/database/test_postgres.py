"""Against real servers. Folders lie in /tmp: pytest's own tmp_path is closed to root's helpers."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.database.programs import PostgresError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")

OWNER = """
import signal, sys, time
from pathlib import Path
from org_common.tools.database.postgres import EmbeddedPostgres

signal.signal(signal.SIGINT, signal.SIG_IGN)
data = Path(sys.argv[1]) if sys.argv[1:] else None
server = EmbeddedPostgres.start(data, durable=False)
print(server.data, server.url, flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="test-postgres-"))
    folder.chmod(0o755)
    yield folder
    assert eventually(lambda: removed(folder))


@pytest.fixture(scope="module")
def template() -> Iterator[Path]:
    data = Path(tempfile.mkdtemp(prefix="test-postgres-"))
    EmbeddedPostgres.start(data, durable=False).stop()
    yield data
    shutil.rmtree(data)


@pytest.fixture(scope="module")
def server(template: Path) -> Iterator[EmbeddedPostgres]:
    data = template.with_name(f"{template.name}-server")
    subprocess.run(["cp", "-a", template, data], check=True)
    with EmbeddedPostgres.start(data, durable=False) as server:
        yield server
    shutil.rmtree(data)


@pytest.fixture
def data(template: Path, folder: Path) -> Path:
    """A data folder with nothing in it; a copy, in a tenth of the time it takes to make one."""
    subprocess.run(["cp", "-a", template, folder / "pg"], check=True)
    return folder / "pg"


@pytest.fixture
def owner(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts another process which owns a server; its temporary folders lie in `folder`."""
    started = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", OWNER, *arguments],
            env=os.environ | {"TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def removed(folder: Path) -> bool:
    """Perhaps not at once: a killed owner's watchdog may still be at work in there."""
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def started(process: subprocess.Popen[str]) -> tuple[Path, str]:
    """Data folder and url of the server which the process owns."""
    assert process.stdout
    data, url = process.stdout.readline().split()
    return Path(data), url


def postmaster(data: Path) -> int:
    return int((data / "cluster" / "postmaster.pid").read_text().split()[0])


def alive(pid: int) -> bool:
    """Not for a zombie, which an orphan stays until init looks after it."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def parent(pid: int) -> int:
    """Of a postmaster: its watchdog."""
    return int(Path(f"/proc/{pid}/stat").read_text().split()[3])


def query(url: str, sql: str) -> object:
    with psycopg.connect(url, connect_timeout=5) as connection:
        row = connection.execute(sql.encode()).fetchone()
    return row and row[0]


def execute(url: str, sql: str) -> None:
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.execute(sql.encode())


def eventually(condition: Callable[[], bool], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    return condition()


# One server


def test_url_connects_as_superuser(server: EmbeddedPostgres) -> None:
    assert query(server.url, "select usesuper from pg_user where usename = current_user") is True
    assert str(query(server.url, "show server_version")).startswith(server.version)


def test_defaults_suit_tests(server: EmbeddedPostgres) -> None:
    names = "max_connections", "shared_buffers", "fsync", "full_page_writes", "server_encoding"

    values = [query(server.url, f"show {name}") for name in names]

    assert values == ["250", "32MB", "off", "off", "UTF8"]


@pytest.mark.parametrize("password", [":wrong", ""])
def test_wrong_password_is_refused(server: EmbeddedPostgres, password: str) -> None:
    url = f"postgresql://postgres{password}@127.0.0.1:{server.port}/postgres"

    with pytest.raises(psycopg.OperationalError, match="password"):
        query(url, "select 1")


def test_password_is_scram_and_on_no_command_line(server: EmbeddedPostgres) -> None:
    password = (server.data / "password").read_text()

    stored = query(server.url, "select rolpassword from pg_authid where rolname = 'postgres'")
    processes = subprocess.check_output(["ps", "-wweo", "args"], text=True)

    assert str(stored).startswith("SCRAM-SHA-256$")
    assert str(server.data) in processes
    assert password not in processes


def test_files_are_closed_to_others(server: EmbeddedPostgres) -> None:
    modes = {name: stat.S_IMODE((server.data / name).stat().st_mode) for name in ("password", "log", "cluster")}

    assert modes == {"password": 0o600, "log": 0o600, "cluster": 0o700}
    assert not server.data.stat().st_mode & 0o007


def test_listens_on_loopback_tcp_alone(server: EmbeddedPostgres) -> None:
    listening = subprocess.check_output(["ss", "-Hlnxt", "-p"], text=True)
    ours = [line for line in listening.splitlines() if f"pid={postmaster(server.data)}," in line]

    assert [line.split()[4] for line in ours] == [f"127.0.0.1:{server.port}"]


def test_letters_beyond_ascii_have_cases(server: EmbeddedPostgres) -> None:
    assert query(server.url, "select lower('ÜÇ')") == "üç"


@pytest.mark.parametrize("immediate", [False, True])
def test_restart_keeps_port_and_committed_data(server: EmbeddedPostgres, immediate: bool) -> None:
    port, pid = server.port, postmaster(server.data)
    execute(server.url, "drop table if exists kept; create table kept as select 7 as n")

    server.restart(immediate=immediate)

    assert query(server.url, "select n from kept") == 7
    assert server.port == port
    assert postmaster(server.data) != pid


def test_paused_server_refuses_and_comes_back(server: EmbeddedPostgres) -> None:
    server.pause()
    with pytest.raises(psycopg.OperationalError, match="refused"):
        query(server.url, "select 1")

    server.resume()

    assert query(server.url, "select 1") == 1


def test_crashed_server_comes_back(server: EmbeddedPostgres) -> None:
    os.kill(postmaster(server.data), signal.SIGKILL)

    server.resume()

    assert query(server.url, "select 1") == 1


def test_resume_of_a_running_server_changes_nothing(server: EmbeddedPostgres) -> None:
    pid = postmaster(server.data)

    server.resume()

    assert postmaster(server.data) == pid


def test_port_taken_while_paused_is_reported(server: EmbeddedPostgres) -> None:
    server.pause()

    with (
        socket.create_server(("127.0.0.1", server.port)),
        pytest.raises(PostgresError, match="Address already in use"),
    ):
        server.resume()

    server.resume()
    assert query(server.url, "select 1") == 1


def test_forked_child_cannot_stop_its_parents_server(server: EmbeddedPostgres) -> None:
    child = os.fork()
    if child == 0:
        server.stop()
        os._exit(0)
    os.waitpid(child, 0)

    assert query(server.url, "select 1") == 1


def test_client_variables_of_the_user_do_not_matter(monkeypatch: pytest.MonkeyPatch, server: EmbeddedPostgres) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")

    server.restart()

    assert query(server.url, "select 1") == 1


# Folders


def test_stopped_temporary_server_leaves_nothing() -> None:
    server = EmbeddedPostgres.start(durable=False)
    pid = postmaster(server.data)

    server.stop()
    server.stop()

    assert not alive(pid)
    assert not server.data.exists()
    with pytest.raises(PostgresError, match="pause"):
        server.resume()


def test_durable_data_outlives_its_server(folder: Path) -> None:
    with EmbeddedPostgres.start(folder / "new" / "pg") as first:
        execute(first.url, "create table kept as select 7 as n")

    with EmbeddedPostgres.start(first.data, settings={"max_connections": "30"}) as second:
        assert query(second.url, "select n from kept") == 7
        assert query(second.url, "show max_connections") == "30"
        assert query(second.url, "show fsync") == "on"
        second.stop()
        second.resume()
        assert query(second.url, "select n from kept") == 7


def test_folder_may_be_long_and_have_spaces_and_umlauts(folder: Path) -> None:
    data = folder / ("ein weiter Weg für 'uns' " * 6) / "daten"

    with EmbeddedPostgres.start(data, durable=False) as server:
        assert query(server.url, "show data_directory") == str(data / "cluster")


def test_folder_in_use_is_named_with_its_server(data: Path) -> None:
    with EmbeddedPostgres.start(data, durable=False) as server:
        with pytest.raises(PostgresError, match=f"in use .* id {postmaster(server.data)} "):
            EmbeddedPostgres.start(server.data)

        assert query(server.url, "select 1") == 1


def test_two_at_once_on_a_new_folder_make_one_server(folder: Path, owner: Callable[..., subprocess.Popen[str]]) -> None:
    other = owner(str(folder / "pg"))

    assert eventually((folder / "pg" / "cluster.new").exists)
    with pytest.raises(PostgresError, match="in use"):
        EmbeddedPostgres.start(folder / "pg")

    assert query(started(other)[1], "select 1") == 1


def test_unfinished_set_up_is_made_again(folder: Path) -> None:
    (folder / "pg" / "cluster.new" / "base").mkdir(parents=True)
    (folder / "pg" / "password").write_text("old")

    with EmbeddedPostgres.start(folder / "pg", durable=False) as server:
        assert query(server.url, "select 1") == 1


def test_folder_with_other_things_is_left_alone(folder: Path) -> None:
    (folder / "thesis.txt").touch()

    with pytest.raises(PostgresError, match=r"contains thesis\.txt"):
        EmbeddedPostgres.start(folder)


def test_folder_of_another_major_version_is_named(folder: Path) -> None:
    cluster = folder / "pg" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9\n")
    if os.geteuid() == 0:
        os.chown(cluster, 65534, 65534)

    with pytest.raises(PostgresError, match=r"data of PostgreSQL 9, .* are PostgreSQL \d\d"):
        EmbeddedPostgres.start(folder / "pg")


def test_failed_start_reports_the_servers_words(data: Path) -> None:
    with pytest.raises(PostgresError, match='invalid value for parameter "shared_buffers"'):
        EmbeddedPostgres.start(data, settings={"shared_buffers": "much"})

    with EmbeddedPostgres.start(data, durable=False) as server:
        assert query(server.url, "select 1") == 1


def test_file_in_the_way_is_reported(folder: Path) -> None:
    (folder / "pg").touch()

    with pytest.raises(PostgresError, match="Not a directory"):
        EmbeddedPostgres.start(folder / "pg")


# Owners


def test_server_and_temporary_folder_go_with_a_killed_owner(
    folder: Path, owner: Callable[..., subprocess.Popen[str]]
) -> None:
    process = owner()
    temporary, _ = started(process)
    pid = postmaster(temporary)

    process.kill()

    assert eventually(lambda: not alive(pid) and not temporary.exists())
    assert not list(folder.iterdir())


def test_server_goes_with_a_terminated_owner(data: Path, owner: Callable[..., subprocess.Popen[str]]) -> None:
    process = owner(str(data))
    started(process)
    pid = postmaster(data)

    process.terminate()

    assert eventually(lambda: not alive(pid))
    assert data.exists()


def test_owner_killed_in_mid_set_up_leaves_nothing(folder: Path, owner: Callable[..., subprocess.Popen[str]]) -> None:
    process = owner()
    assert eventually(lambda: any(folder.glob("*/cluster.new/base")))

    process.kill()

    assert eventually(lambda: not list(folder.iterdir()))
    time.sleep(0.5)
    assert not list(folder.iterdir())


def test_ctrl_c_does_not_reach_the_server(data: Path, owner: Callable[..., subprocess.Popen[str]]) -> None:
    process = owner(str(data))
    _, url = started(process)

    os.killpg(process.pid, signal.SIGINT)
    time.sleep(0.2)

    assert query(url, "select 1") == 1


def test_next_owner_waits_for_the_killed_ones_server(data: Path, owner: Callable[..., subprocess.Popen[str]]) -> None:
    process = owner(str(data))
    _, url = started(process)
    execute(url, "create table kept as select 7 as n")

    process.kill()
    process.wait()

    with EmbeddedPostgres.start(data, durable=False) as server:
        assert query(server.url, "select n from kept") == 7


def test_stop_is_quiet_when_the_watchdog_was_terminated_first(data: Path) -> None:
    server = EmbeddedPostgres.start(data, durable=False)
    pid = postmaster(data)

    os.kill(parent(pid), signal.SIGTERM)
    server.stop()

    assert not alive(pid)


def test_stop_reports_that_a_killed_watchdog_left_the_server(data: Path) -> None:
    server = EmbeddedPostgres.start(data, durable=False)
    pid = postmaster(data)
    os.kill(parent(pid), signal.SIGKILL)

    with pytest.raises(PostgresError, match=f"kill -INT {pid}$"):
        server.stop()

    os.kill(pid, signal.SIGQUIT)
    assert eventually(lambda: not alive(pid))


# Users


@as_root
def test_root_runs_the_server_as_another_user(server: EmbeddedPostgres) -> None:
    assert Path(f"/proc/{postmaster(server.data)}").stat().st_uid != 0


@as_root
def test_root_keeps_the_owner_of_the_data(data: Path) -> None:
    for path in (data, *data.rglob("*")):
        os.chown(path, 65534, 65534)

    with EmbeddedPostgres.start(data, durable=False) as server:
        assert Path(f"/proc/{postmaster(server.data)}").stat().st_uid == 65534


@as_root
def test_folder_closed_to_the_servers_user_is_named_and_stays_closed(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(0o700)

    with pytest.raises(PostgresError, match=f"^the user \\w+ cannot enter {closed}\\. "):
        EmbeddedPostgres.start(closed / "more" / "pg")

    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert not list(closed.iterdir())


@as_root
def test_strict_umask_does_not_close_our_own_folders(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        with EmbeddedPostgres.start(folder / "new" / "pg", durable=False) as server:
            assert query(server.url, "select 1") == 1
    finally:
        os.umask(before)


@as_root
def test_plain_user_runs_the_server_as_itself(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    reading, writing = os.pipe()

    # A fork, because the user nobody cannot enter root's Python folder; the modules are loaded already.
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        sys.executable = "/usr/bin/python3"  # runs the watchdog
        with EmbeddedPostgres.start(folder / "new" / "pg", durable=False) as server:
            owner = (server.data / "cluster").stat().st_uid
            os.write(writing, f"{owner} {server.url}".encode())
            time.sleep(0.3)
        os._exit(0)
    owner_id, url = os.read(reading, 200).decode().split()

    assert int(owner_id) == nobody.pw_uid
    assert query(url, "select 1") == 1
    assert os.waitpid(child, 0)[1] == 0
