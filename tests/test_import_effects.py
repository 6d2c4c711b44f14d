"""Importing opens no connection, starts no thread or process, and asks no network: each app, and each public name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WATCH = """
import os, stat, sys, threading

def sockets():
    # libpq's are made in C, where no audit hook sees them.
    return sum(stat.S_ISSOCK(os.stat(f"/dev/fd/{name}").st_mode) for name in os.listdir("/dev/fd")
               if os.path.exists(f"/dev/fd/{name}"))

before, events = sockets(), []
forbidden = ("socket.", "_thread.", "subprocess.", "os.fork", "os.posix_spawn", "os.system", "urllib.", "http.client.")
sys.addaudithook(lambda event, args: event.startswith(forbidden) and events.append(event))
"""
CHECK = """
assert events == [], events
assert threading.active_count() == 1
assert sockets() == before
"""
IMPORTS = {
    **{f"cora_modules.access.{name}": f"import cora_modules.access.{name}" for name in ("orgs", "users", "invites")},
    "authorizer": "import cora_modules.access.authorizer",
    "public names": "import org_common\nfor name in org_common.__all__:\n    getattr(org_common, name)",
    "pool": "import org_common.db.connections.pool",
    "asgi": "import org_common.asgi",
    "secrets": "import org_common.secrets.store, org_common.secrets.login",
    "keys": "import org_common.auth.jwks, org_common.auth.tokens",
}


@pytest.mark.parametrize("name", IMPORTS)
def test_import_has_no_effects(name: str) -> None:
    # A server that is not there: a module that connects would fail.
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        "ORG_COMMON_DATABASE_URL": "postgresql://app_login:secret@db.invalid/app",
        "ORG_COMMON_DATABASE_PROFILE": "direct",
    }
    ended = subprocess.run(
        [sys.executable, "-c", f"{WATCH}\n{IMPORTS[name]}\n{CHECK}"],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr[-2000:]
