"""A standby of an embedded server: streaming replication, until it is promoted."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from org_common.tools.database.postgres import EmbeddedPostgres
from org_common.tools.database.programs import binaries, run, runnable, server_account
from tests.support.lab import until

CAUGHT_UP_S = 20.0


@contextmanager
def standby_of(primary: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """A standby that has all of the primary, and without which the primary acknowledges no COMMIT from now on."""
    folder = Path(tempfile.mkdtemp(prefix="org-common-standby-"))
    try:
        _copy(primary, folder)
        with EmbeddedPostgres.start(folder, durable=True) as standby:
            with psycopg.connect(primary.url, autocommit=True) as admin:
                admin.execute("alter system set synchronous_standby_names = '*'")
                admin.execute("select pg_reload_conf()")
                synchronous = "select count(*) from pg_stat_replication where sync_state = 'sync'"
                assert until(lambda: admin.execute(synchronous).fetchone() == (1,), within_s=CAUGHT_UP_S)
            yield standby
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def promote(standby: EmbeddedPostgres) -> None:
    """Make it the primary. Returns when it accepts writes."""
    with psycopg.connect(standby.url, autocommit=True) as admin:
        assert admin.execute("select pg_promote()").fetchone() == (True,)


def _copy(primary: EmbeddedPostgres, folder: Path) -> None:
    """The primary's files, those that make it a standby, and its password."""
    account = server_account(primary.data / "cluster")
    programs, _ = runnable(binaries(), account)
    cluster = folder / "cluster"
    cluster.mkdir(0o700)
    if account:
        os.chown(folder, -1, account.gid)
        folder.chmod(0o710)
        os.chown(cluster, account.uid, account.gid)
    shutil.copy(primary.data / "password", folder / "password")
    command: list[str | Path] = [programs / "pg_basebackup", f"--pgdata={cluster}", f"--dbname={primary.url}"]
    copied = run([*command, "--checkpoint=fast", "--wal-method=stream", "--write-recovery-conf"], account)
    assert copied.returncode == 0, copied.stdout
