"""Compares the sizes of layers and packages with their budgets and with the recorded baseline."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from org_common.tools.layer.settings import MB, Budget, LayerSettings
from org_common.tools.layer.targets import Target
from org_common.tools.project.project import ToolError

# Growth below this share is noise from recompilation.
NOTABLE = 0.01


@dataclass(frozen=True)
class Size:
    """A size in bytes."""

    zipped: int
    unzipped: int

    def __add__(self, other: Size) -> Size:
        return Size(self.zipped + other.zipped, self.unzipped + other.unzipped)


@dataclass(frozen=True)
class Row:
    """The size of a layer, of all layers or of a package."""

    what: str
    """A layer's name, "total", or "package NAME"."""
    now: Size
    before: Size | None
    """The recorded size; None without a record."""
    budget: Budget | None

    @property
    def is_over(self) -> bool:
        """Whether it exceeds its budget, zipped or unzipped."""
        return self.budget is not None and (
            self.now.zipped > self.budget.zipped or self.now.unzipped > self.budget.unzipped
        )

    @property
    def grew(self) -> bool:
        """Whether it grew notably since the record."""
        return self.before is not None and self.now.unzipped > self.before.unzipped * (1 + NOTABLE)


def packages(file: Path) -> dict[str, Size]:
    """The size of each package in a layer's zip, including its metadata and libraries."""
    sizes: dict[str, Size] = {}
    for name, size in members(file):
        package = owner(name)
        sizes[package] = sizes.get(package, Size(0, 0)) + size
    return dict(sorted(sizes.items(), key=lambda item: -item[1].unzipped))


def members(file: Path) -> list[tuple[str, Size]]:
    """The files in a layer's zip with their sizes; paths are relative to `python/`."""
    with zipfile.ZipFile(file) as archive:
        return [
            (entry.filename.removeprefix("python/"), Size(entry.compress_size, entry.file_size))
            for entry in archive.infolist()
        ]


def owner(path: str) -> str:
    """The package that a file belongs to: "psycopg_binary" for "psycopg_binary.libs/libpq.so"."""
    top, _, rest = path.partition("/")
    if top == "__pycache__":
        top = rest
    if top.startswith("org-common."):
        return "manifest"
    if top.endswith(".dist-info"):
        return top.partition("-")[0].lower()
    name = top.partition(".")[0]
    # The compiled part of cffi is a top-level module.
    return "cffi" if name == "_cffi_backend" else "jwt" if name == "pyjwt" else name


def compare(settings: LayerSettings, target: Target, files: Mapping[str, Path]) -> list[Row]:
    """Rows for the layers, the total and the packages of one target. `files` are the zips by layer."""
    recorded = _recorded(settings).get(target.name, {})
    rows: list[Row] = []
    total, by_package = Size(0, 0), dict[str, Size]()
    for layer, file in files.items():
        inside = packages(file)
        size = Size(file.stat().st_size, sum(package.unzipped for package in inside.values()))
        rows.append(Row(layer, size, recorded.get(layer), settings.budgets.get(layer)))
        total += size
        for name, package in inside.items():
            by_package[name] = by_package.get(name, Size(0, 0)) + package
    rows.append(Row("total", total, recorded.get("total"), settings.budgets.get("total")))
    for name, size in sorted(by_package.items(), key=lambda item: -item[1].unzipped):
        key = f"package {name}"
        rows.append(Row(key, size, recorded.get(key), settings.packages.get(name)))
    unknown = settings.packages.keys() - by_package.keys()
    if unknown and set(files) == set(settings.layers):
        raise ToolError(
            f"[tool.org-common.layer.packages] has a budget for {min(unknown)}, which is not in any layer: remove it"
        )
    return rows


def record(settings: LayerSettings, target: Target, rows: Sequence[Row]) -> None:
    """Record these sizes as the baseline for growth."""
    recorded = _recorded(settings)
    recorded[target.name] = {row.what: row.now for row in rows}
    document = {
        name: {what: [size.zipped, size.unzipped] for what, size in sizes.items()}
        for name, sizes in sorted(recorded.items())
    }
    lines = [
        f' "{name}": {{\n' + ",\n".join(f'  "{what}": {size}' for what, size in sizes.items()) + "\n }"
        for name, sizes in document.items()
    ]
    settings.sizes.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def table(target: Target, rows: Sequence[Row]) -> list[str]:
    """Lines of a table in megabytes: rows with a budget, and rows that grew."""
    lines = [f"{'Python ' + target.python + ', ' + target.arch:<28} {'zip MB':>14} {'unzipped MB':>15}   "]
    for row in rows:
        if not (row.is_over or row.grew or row.budget):
            continue
        budget = row.budget
        zipped = _of(row.now.zipped, budget.zipped if budget else None)
        unzipped = _of(row.now.unzipped, budget.unzipped if budget else None)
        lines.append(f"{row.what:<28} {zipped:>14} {unzipped:>15}   {_verdict(row)}".rstrip())
    return lines


def _verdict(row: Row) -> str:
    verdicts = ["OVER BUDGET"] if row.is_over else []
    if row.before is not None and row.grew:
        verdicts.append(f"grew by {_mb(row.now.unzipped - row.before.unzipped)} MB since recorded")
    return ", ".join(verdicts) or "within budget"


def _of(size: int, budget: int | None) -> str:
    return _mb(size) if budget is None else f"{_mb(size)} of {budget / MB:g}"


def _mb(size: int) -> str:
    return f"{size / MB:.2f}"


def _recorded(settings: LayerSettings) -> dict[str, dict[str, Size]]:
    if not settings.sizes.is_file():
        return {}
    try:
        document = json.loads(settings.sizes.read_text())
        return {name: {what: Size(*size) for what, size in sizes.items()} for name, sizes in document.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ToolError(
            f"{settings.sizes} is not valid ({error}): write it again with org-common layer check --record"
        ) from error
