"""Reads and validates the table `[tool.org-common.layer]`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from org_common.tools.project.project import ProjectError, find_root, key_advice, sentence

EXAMPLE = """\
[tool.org-common.layer]
lock = "layer"                      # folder of runtime.txt and auth.txt, which `org-common layer lock` writes
constraints = "requirements.txt"    # optional file with the versions to use
functions = ["shop.authorizer:app"] # functions that are not an App, such as authorizers; they get all layers

[tool.org-common.layer.budgets]     # megabytes of the zip, megabytes unzipped
runtime = [9, 30]
total = [15, 50]"""
KEYS = ("lock", "constraints", "functions", "layers", "budgets", "packages", "drop", "include", "requirements")
LAYERS = {"runtime": ("org-common",), "auth": ("org-common[auth]",)}
MB = 1_000_000


@dataclass(frozen=True)
class Budget:
    """The maximum sizes of a layer or package, in bytes."""

    zipped: int
    unzipped: int


@dataclass(frozen=True)
class LayerSettings:
    """The settings of the layers. Paths are absolute."""

    root: Path
    """Folder of the pyproject.toml."""
    lock: Path
    """Folder of the lock files and the recorded sizes."""
    constraints: Path | None = None
    """Requirements file with the versions to use."""
    functions: tuple[str, ...] = ()
    """Functions in addition to the project's apps, such as authorizers, each as "module:name"."""
    layers: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: dict(LAYERS))
    """The requirements of each layer, in order: a layer omits the packages of earlier ones."""
    budgets: Mapping[str, Budget] = field(default_factory=dict[str, Budget])
    """Budgets by layer, of the total, and of functions by entry point."""
    packages: Mapping[str, Budget] = field(default_factory=dict[str, Budget])
    """Budgets by package."""
    drop: tuple[str, ...] = ()
    """Patterns of additional paths to remove from the layers."""
    include: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Additional modules by app, for those that are imported by name at run time."""
    requirements: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """The requirements of functions that have packages in their own zip, by entry point: "shop.orders:app"."""

    @property
    def sizes(self) -> Path:
        """The file with the recorded sizes."""
        return self.lock / "sizes.json"

    def lock_of(self, part: str) -> Path:
        """The lock file of a layer, or of the function with this entry point."""
        return self.lock / f"{part.partition(':')[0].replace('.', '-')}.txt"

    def requirements_of(self, part: str) -> tuple[str, ...] | None:
        """What a layer or a function requires; None if there is none of this name."""
        return self.layers.get(part) or self.requirements.get(part)

    def earlier(self, part: str) -> list[str]:
        """The layers whose packages a part leaves out: those before a layer; the first one for a function."""
        names = list(self.layers)
        return names[: names.index(part)] if part in names else names[:1]

    @classmethod
    def find(cls, start: Path) -> LayerSettings:
        """The settings in the nearest pyproject.toml, in `start` or above it; `ProjectError` if they are not valid."""
        root = find_root(start)
        if root is None:
            raise ProjectError(f"no pyproject.toml in {start.absolute()} or above it: change to your project's folder")
        file = root / "pyproject.toml"
        try:
            tools = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {})
        except (ValueError, OSError) as error:
            raise ProjectError(f"{file} cannot be read: {error}") from error
        return cls._of(root, tools.get("org-common", {}).get("layer", {}))

    @classmethod
    def _of(cls, root: Path, table: Any) -> LayerSettings:
        if not isinstance(table, dict):
            raise _error(root, "", "must be a table")
        for key in table:
            if key not in KEYS:
                raise _error(root, key, f"is not a valid key: {key_advice(key, KEYS)}")
        lock, constraints = (_string(root, table, key) for key in ("lock", "constraints"))
        layers = _lists(root, table, "layers")
        if "total" in layers:
            raise _error(root, "layers.total", "is reserved for all layers together: rename the layer")
        return cls(
            root=root,
            lock=root / (lock or "layer"),
            constraints=root / constraints if constraints else None,
            layers=layers or dict(LAYERS),
            budgets=_budgets(root, table, "budgets"),
            packages=_budgets(root, table, "packages"),
            drop=_strings(root, "drop", table.get("drop", [])),
            functions=_strings(root, "functions", table.get("functions", [])),
            include=_lists(root, table, "include"),
            requirements=_lists(root, table, "requirements"),
        )


def _budgets(root: Path, table: Mapping[str, Any], key: str) -> dict[str, Budget]:
    found: dict[str, Budget] = {}
    for name, value in _table(root, table, key).items():
        match value:
            case [int() | float() as zipped, int() | float() as unzipped]:
                found[name] = Budget(int(zipped * MB), int(unzipped * MB))
            case _:
                raise _error(root, f"{key}.{name}", "must be two numbers, [megabytes zipped, megabytes unzipped]")
    return found


def _lists(root: Path, table: Mapping[str, Any], key: str) -> dict[str, tuple[str, ...]]:
    return {name: _strings(root, f"{key}.{name}", value) for name, value in _table(root, table, key).items()}


def _table(root: Path, table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise _error(root, key, "must be a table")
    return value


def _string(root: Path, table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, str) or not value):
        raise _error(root, key, "must be a non-empty string")
    return value


def _strings(root: Path, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) and text for text in value):
        raise _error(root, key, "must be a list of non-empty strings")
    return tuple(value)


def _error(root: Path, key: str, problem: str) -> ProjectError:
    where = ".".join(filter(None, ("tool.org-common.layer", key)))
    return ProjectError(f"{root / 'pyproject.toml'}: {where} {sentence(problem)} For example:\n{EXAMPLE}")
