"""Zips that are the same, byte for byte, on every machine."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

# The first moment that a zip can name; SOURCE_DATE_EPOCH chooses another (reproducible-builds.org).
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE, PROGRAM = 0o100644, 0o100755


def write(folder: Path, file: Path, *, prefix: str = "") -> str:
    """Zip the folder's files under `prefix`; answers the zip's sha256."""
    when = _date()
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files(folder):
            entry = zipfile.ZipInfo(prefix + path.relative_to(folder).as_posix(), when)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix: what is in the next line is read
            entry.external_attr = (PROGRAM if path.suffix == ".so" or ".so." in path.name else FILE) << 16
            archive.writestr(entry, path.read_bytes())
    fresh.replace(file)
    return digest(file)


def files(folder: Path) -> Iterator[Path]:
    """All of them, in an order that no locale changes."""
    yield from sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.as_posix())


def digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def content(folder: Path) -> str:
    """Names what is in the folder: sixteen digits that differ when anything does."""
    found = hashlib.sha256()
    for path in files(folder):
        found.update(f"{path.relative_to(folder).as_posix()}\0{digest(path)}\n".encode())
    return found.hexdigest()[:16]


def _date() -> tuple[int, int, int, int, int, int]:
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not given.isdecimal():
        return EPOCH
    year, month, day, hour, minute, second = time.gmtime(int(given))[:6]
    return max(EPOCH, (year, month, day, hour, minute, second))
