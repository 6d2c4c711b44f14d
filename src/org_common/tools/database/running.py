"""The database of the local server: found while `org-common dev` runs, else started for one command."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from org_common.tools.database.local import LocalDatabase
from org_common.tools.project.project import ToolError

DATABASE = "dev"
FILE = "database.json"
CONNECT_S = 3
ROLES = ("admin", "app_migrator", "app_login", "app_service")


def write(data: Path, local: LocalDatabase) -> Path:
    """Store the URLs of the running server's database, for its user alone. Remove the file when the server stops."""
    path = data / FILE
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(local), file)
    return path


def read(data: Path) -> LocalDatabase | None:
    """The database of the running server; None if none runs with this data folder.

    A server that was killed leaves its file behind, so this connects to its database.
    """
    try:
        local = LocalDatabase(**json.loads((data / FILE).read_text()))
    except FileNotFoundError:
        return None
    try:
        psycopg.connect(local.admin_url, connect_timeout=CONNECT_S).close()
    except psycopg.OperationalError:
        return None
    return local


def url_of(local: LocalDatabase, role: str) -> str:
    """The URL of one of `ROLES`."""
    urls = {
        "admin": local.admin_url,
        "app_migrator": local.migrator_url,
        "app_login": local.login_url,
        "app_service": local.service_url,
    }
    return urls[role]


def name_of(url: str) -> str:
    """The name of the database in a URL."""
    return str(conninfo_to_dict(url)["dbname"])


@contextmanager
def server(data: Path) -> Iterator[str]:
    """The superuser's URL of the local server, in its database: of the running one, or of one started for the block.

    Raises `ToolError` if neither exists.
    """
    if (local := read(data)) is not None:
        yield local.admin_url
        return
    if os.environ.get("DATABASE_URL"):
        raise ToolError("`org-common dev` is not running, and DATABASE_URL names its server: start it first")
    if not (data / "postgres").is_dir():
        raise ToolError(f"{data} has no database: start `org-common dev` once, or name its folder with --data")
    from org_common.tools.database.postgres import EmbeddedPostgres

    with EmbeddedPostgres.start(data / "postgres") as embedded:
        yield embedded.url.removesuffix("/postgres") + f"/{DATABASE}"
