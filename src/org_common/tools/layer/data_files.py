"""Chooses the data files of a package that go into a function's zip: no leftovers, no secrets, no foreign files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

# Not read at run time: documentation, code (copied on its own), and migrations, which functions do not apply.
NOT_DATA = ("*.md", "*.rst", "*.pyc", "*.pyo", "*.pyi", "*.py", "*.sql", "py.typed")
# Hidden files, and what editors, merges and crashes leave behind.
LEFTOVERS = (".*", "*~", "#*#", "*.swp", "*.swo", "*.bak", "*.orig", "*.rej", "*.tmp", "*.log", "core", "Thumbs.db")
# fmt: off
SECRETS = (
    "*.env", "credentials", "credentials.*", "credentials-*", "secret.*", "secrets.*", "*.secret", "*.secrets",
    "id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "*.ppk",
    "*.ovpn", "*.tfstate", "*.tfstate.*", "*.tfvars", "service-account*.json", "service_account*.json",
    "client_secret*.json", "htpasswd", "pgpass", "netrc",
)
# fmt: on
PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|PuTTY-User-Key-File-\d")


def choose(folder: Path, root: Path) -> tuple[list[Path], list[str]]:
    """The data files of a package's folder, and for each that looks like one and is left out, why.

    `root` is the folder of the project.
    """
    chosen, left_out = [], []
    for path in sorted(folder.iterdir()):
        if not path.is_file() or _matches(path, NOT_DATA):
            continue
        if reason := next(_reasons(path, root), None):
            left_out.append(f"{path.relative_to(root) if path.is_relative_to(root) else path}, {reason}")
        else:
            chosen.append(path)
    return chosen, left_out


def _reasons(path: Path, root: Path) -> Iterator[str]:
    if path.is_symlink():
        target = path.resolve()
        homes = (root.resolve(), path.parent.resolve())
        if not any(target.is_relative_to(home) for home in homes):
            yield f"a link to {target}, outside of the project: copy the file into the project"
        # What the link points to counts too: data.json -> .env
        elif _matches(target, SECRETS) or _matches(target, LEFTOVERS):
            yield f"a link to {target.name}: {_ADVICE}"
    if _matches(path, SECRETS) or path.name.lower().startswith(".env"):
        yield f"by its name a secret: {_ADVICE}"
    if _matches(path, LEFTOVERS):
        yield "a hidden file or a leftover: rename it if the function reads it"
    if PRIVATE_KEY.search(path.read_bytes()):
        yield f"which contains a private key: {_ADVICE}"


_ADVICE = "keep it in a secret store and read it with get_secret()"


def _matches(path: Path, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(path.name.lower(), pattern.lower()) for pattern in patterns)
