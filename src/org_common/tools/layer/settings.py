"""The table `[tool.org-common.layer]`, checked."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from org_common.tools.project.project import ProjectError, find_root

EXAMPLE = """\
[tool.org-common.layer]
lock = "layer"                      # folder of runtime.txt and auth.txt, made by `org-common layer lock`
constraints = "requirements.txt"    # versions are taken from there, if it is given
functions = ["shop.authorizer:app"] # beside the apps: what is no App, and gets all layers

[tool.org-common.layer.budgets]     # megabytes of the zip, megabytes unzipped
runtime = [9, 30]
total = [15, 50]"""
KEYS = ("lock", "constraints", "functions", "layers", "budgets", "packages", "drop", "include")
LAYERS = {"runtime": ("org-common",), "auth": ("org-common[auth]",)}
MB = 1_000_000


@dataclass(frozen=True)
class Budget:
    """The most that something may weigh, in bytes."""

    zipped: int
    unzipped: int


@dataclass(frozen=True)
class LayerSettings:
    """`layers` names what goes into each, in order: what one has, the next leaves out. Paths are absolute.

    `functions` are those beside the project's apps: authorizers.
    """

    root: Path
    lock: Path
    constraints: Path | None = None
    functions: tuple[str, ...] = ()
    layers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(LAYERS))
    budgets: Mapping[str, Budget] = field(default_factory=dict[str, Budget])
    packages: Mapping[str, Budget] = field(default_factory=dict[str, Budget])
    drop: tuple[str, ...] = ()
    include: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @property
    def sizes(self) -> Path:
        """Where the last recorded sizes are."""
        return self.lock / "sizes.json"

    def lock_of(self, layer: str) -> Path:
        return self.lock / f"{layer}.txt"

    @classmethod
    def find(cls, start: Path) -> LayerSettings:
        """Of the nearest pyproject.toml in `start` or above it; `ProjectError` says what is wrong with the table."""
        root = find_root(start)
        if root is None:
            raise ProjectError(f"no pyproject.toml in {start.absolute()} or above it: go to your project's folder")
        file = root / "pyproject.toml"
        try:
            tools = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
        except (ValueError, OSError) as error:
            raise ProjectError(f"{file} cannot be read: {error}") from error
        return cls._of(root, tools.get("org-common", {}).get("layer", {}))

    @classmethod
    def _of(cls, root: Path, table: Any) -> LayerSettings:
        if not isinstance(table, dict):
            raise _fault(root, "", "is no table")
        for key in table:
            if key not in KEYS:
                raise _fault(root, key, f"is not a key: the keys are {', '.join(KEYS)}")
        lock, constraints = (_text(root, table, key) for key in ("lock", "constraints"))
        layers = {name: _texts(root, f"layers.{name}", value) for name, value in _table(root, table, "layers").items()}
        if "total" in layers:
            raise _fault(root, "layers.total", "is the name of all of them together: call it otherwise")
        return cls(
            root=root,
            lock=root / (lock or "layer"),
            constraints=root / constraints if constraints else None,
            layers=layers or dict(LAYERS),
            budgets=_budgets(root, table, "budgets"),
            packages=_budgets(root, table, "packages"),
            drop=_texts(root, "drop", table.get("drop", [])),
            functions=_texts(root, "functions", table.get("functions", [])),
            include={
                name: _texts(root, f"include.{name}", value) for name, value in _table(root, table, "include").items()
            },
        )


def _budgets(root: Path, table: Mapping[str, Any], key: str) -> dict[str, Budget]:
    found: dict[str, Budget] = {}
    for name, value in _table(root, table, key).items():
        match value:
            case [int() | float() as zipped, int() | float() as unzipped]:
                found[name] = Budget(int(zipped * MB), int(unzipped * MB))
            case _:
                raise _fault(root, f"{key}.{name}", "is not two numbers, [megabytes zipped, megabytes unzipped]")
    return found


def _table(root: Path, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise _fault(root, key, "is no table")
    return value


def _text(root: Path, table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, str) or not value):
        raise _fault(root, key, "is not a text")
    return value


def _texts(root: Path, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise _fault(root, key, "is not a list of texts")
    return tuple(value)


def _fault(root: Path, key: str, problem: str) -> ProjectError:
    where = ".".join(filter(None, ("tool.org-common.layer", key)))
    return ProjectError(f"{root / 'pyproject.toml'}: {where} {problem}. For example:\n{EXAMPLE}")
