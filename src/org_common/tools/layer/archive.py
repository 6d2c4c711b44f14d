"""Writes reproducible zips: the same bytes on every machine."""

from __future__ import annotations

import hashlib
import os
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

# The earliest date that a zip can store. SOURCE_DATE_EPOCH sets another (reproducible-builds.org).
EPOCH = (1980, 1, 1, 0, 0, 0)
FILE, PROGRAM = 0o100644, 0o100755


def write(folder: Path, file: Path, *, prefix: str = "") -> str:
    """Zip the folder's files below `prefix`. Returns the sha256 of the zip."""
    when = _date()
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(".new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files(folder):
            entry = zipfile.ZipInfo(prefix + path.relative_to(folder).as_posix(), when)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, so that the file mode in the next line is used
            is_program = path.suffix in (".so", ".sh") or ".so." in path.name
            entry.external_attr = (PROGRAM if is_program else FILE) << 16
            archive.writestr(entry, path.read_bytes())
    fresh.replace(file)
    return digest(file)


def files(folder: Path) -> Iterator[Path]:
    """All files below the folder, in an order that does not depend on the locale."""
    yield from sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.as_posix())


def digest(file: Path) -> str:
    """The sha256 of a file, in hex."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def content(folder: Path) -> str:
    """A hash of the folder's file names and contents: 16 hex digits."""
    sha256 = hashlib.sha256()
    for path in files(folder):
        sha256.update(f"{path.relative_to(folder).as_posix()}\0{digest(path)}\n".encode())
    return sha256.hexdigest()[:16]


def _date() -> tuple[int, int, int, int, int, int]:
    timestamp = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not timestamp.isdecimal():
        return EPOCH
    year, month, day, hour, minute, second = time.gmtime(int(timestamp))[:6]
    return max(EPOCH, (year, month, day, hour, minute, second))
