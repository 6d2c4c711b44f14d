"""Reads and validates the table `[tool.org-common.functions]`: how each function is deployed."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from org_common.tools.project.project import ProjectError, find_root, key_advice, sentence

EXAMPLE = """\
[tool.org-common.functions."*"]            # defaults of all functions
memory = 512                               # MB
timeout = 15                               # seconds

[tool.org-common.functions.access-orgs]    # by the name of the app
provisioned = { min = 2, max = 5 }

[tool.org-common.functions."shop.authorizer:app"]
name = "authorizer"                        # for functions that are not an App
timeout = 5"""
DEFAULTS = "*"


@dataclass(frozen=True)
class ScheduledCapacity:
    """A change of the provisioned concurrency at a time."""

    at: str
    """The expression: "cron(0 7 ? * MON-FRI *)"."""
    min: int
    max: int
    timezone: str = "UTC"


@dataclass(frozen=True)
class Provisioned:
    """The provisioned concurrency of a function, as Application Auto Scaling manages it."""

    min: int
    max: int
    utilization: float = 0.7
    """Target utilization of the initialized environments, 0.1 to 0.9."""
    schedules: Mapping[str, ScheduledCapacity] = field(default_factory=dict[str, ScheduledCapacity])
    """Changes at a time, by name."""


@dataclass(frozen=True)
class Queue:
    """A queue that invokes a function. The queue has a dead-letter queue."""

    fifo: bool = False
    batch: int = 10
    """The most messages of an invocation."""
    concurrency: int = 5
    """The most invocations at a time, 2 to 1000. Each has a connection to the database."""
    receives: int = 5
    """How often a message is delivered before it moves to the dead-letter queue."""


@dataclass(frozen=True)
class FunctionSettings:
    """How a function is deployed."""

    name: str | None = None
    """The name of a function that is not an `App`; by default the last part of its module's name."""
    memory: int = 512
    """Megabytes. They decide the share of a processor: 1,769 MB are one."""
    timeout: int = 15
    """Seconds."""
    vpc: bool | None = None
    """Whether it runs in the VPC; None for functions that use the database."""
    snapstart: bool = False
    """Start from a snapshot that is taken when a version is published."""
    provisioned: Provisioned | None = None
    """Environments that stay initialized. None for none."""
    reserved: int | None = None
    """The most environments, taken from the account's limit. None for no limit of its own."""
    log_retention: int = 30
    """Days."""
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables of your own. `{prefix}`, `{region}`, `{account}` and `{partition}` are replaced."""
    settings: tuple[str, ...] = ()
    """Settings that the function needs and its declarations do not show: "service_database"."""
    layers: tuple[str, ...] | None = None
    """Its layers in their order; None for those that it needs of "runtime" and "auth"."""
    queues: Mapping[str, Queue] = field(default_factory=dict[str, Queue])
    """The options of queues that its triggers declare."""
    resources: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """The resources of each action in `Needs(actions=...)`, with the placeholders of `environment`. Keys may be
    patterns, such as "lambda:*", of which the longest counts."""

    def resources_of(self, action: str) -> tuple[str, ...]:
        """The resources of an action; none for an action that has no entry."""
        matching = [pattern for pattern in self.resources if fnmatchcase(action, pattern)]
        return self.resources[action if action in matching else max(matching, key=len)] if matching else ()


@dataclass(frozen=True)
class Functions:
    """The settings of all functions."""

    defaults: Mapping[str, Any]
    """The table "*", as it is written."""
    tables: Mapping[str, Mapping[str, Any]]
    """The other tables, as they are written."""
    file: Path
    """The pyproject.toml."""

    @classmethod
    def find(cls, start: Path) -> Functions:
        """The settings in the nearest pyproject.toml, in `start` or above it; `ProjectError` if they are not valid."""
        root = find_root(start)
        if root is None:
            raise ProjectError(f"no pyproject.toml in {start.absolute()} or above it: change to your project's folder")
        file = root / "pyproject.toml"
        table = tomllib.loads(file.read_text(encoding="utf-8")).get("tool", {}).get("org-common", {})
        tables = _table(file, "", table.get("functions", {}))
        functions = cls(_table(file, DEFAULTS, tables.get(DEFAULTS, {})), tables, file)
        for name in tables:
            # Reports errors in the table of a function that does not exist, too.
            functions.of(name)
        return functions

    @property
    def names(self) -> set[str]:
        """The functions that have a table."""
        return set(self.tables) - {DEFAULTS}

    def of(self, key: str) -> FunctionSettings:
        """The settings of a function, by the name of its app, or by "module:name"."""
        values = {**self.defaults, **_table(self.file, key, self.tables.get(key, {}))}
        return FunctionSettings(**{name: self._value(key, name, value) for name, value in values.items()})

    def _value(self, key: str, name: str, value: Any) -> Any:
        if name not in _READERS:
            raise _error(self.file, f"{key}.{name}", f"is not a valid key: {key_advice(name, list(_READERS))}")
        try:
            return _READERS[name](value)
        except _Invalid as error:
            raise _error(self.file, ".".join((key, name, *error.where)), str(error)) from None


class _Invalid(Exception):
    """A value that is not valid, and where below the key."""

    def __init__(self, problem: str, *where: str) -> None:
        super().__init__(problem)
        self.where = where


def _of(kind: type, words: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        # True is an int in Python, and 1 is none in TOML.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise _Invalid(f"must be {words}")
        return value

    return read


_integer, _string, _boolean = _of(int, "an integer"), _of(str, "a string"), _of(bool, "true or false")
_mapping, _list = _of(dict, "a table"), _of(list, "a list of strings")


def _number(value: Any) -> float:
    return float(value if isinstance(value, float) else _integer(value))


def _strings(value: Any) -> tuple[str, ...]:
    return tuple(_string(each) for each in _list(value))


def _by_name(read: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    def read_all(value: Any) -> dict[str, Any]:
        return {name: _below(name, read, each) for name, each in _mapping(value).items()}

    return read_all


def _below(name: str, read: Callable[[Any], Any], value: Any) -> Any:
    try:
        return read(value)
    except _Invalid as error:
        raise _Invalid(str(error), name, *error.where) from None


def _record(kind: Callable[..., Any], required: tuple[str, ...] = (), **readers: Callable[[Any], Any]) -> Any:
    def read(value: Any) -> Any:
        table = _mapping(value)
        for name in table:
            if name not in readers:
                raise _Invalid(f"is not a valid key: {key_advice(name, list(readers))}", name)
        for name in required:
            if name not in table:
                raise _Invalid(f"lacks {name}")
        return kind(**{name: _below(name, readers[name], each) for name, each in table.items()})

    return read


_capacity = _record(ScheduledCapacity, ("at", "min", "max"), at=_string, min=_integer, max=_integer, timezone=_string)
_READERS: dict[str, Callable[[Any], Any]] = {
    "name": _string,
    "memory": _integer,
    "timeout": _integer,
    "vpc": _boolean,
    "snapstart": _boolean,
    "provisioned": _record(
        Provisioned, ("min", "max"), min=_integer, max=_integer, utilization=_number, schedules=_by_name(_capacity)
    ),
    "reserved": _integer,
    "log_retention": _integer,
    "environment": _by_name(_string),
    "settings": _strings,
    "layers": _strings,
    "queues": _by_name(_record(Queue, fifo=_boolean, batch=_integer, concurrency=_integer, receives=_integer)),
    "resources": _by_name(_strings),
}


def _table(file: Path, key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _error(file, key, "must be a table")
    return value


def _error(file: Path, key: str, problem: str) -> ProjectError:
    where = ".".join(filter(None, ("tool.org-common.functions", key)))
    return ProjectError(f"{file}: {where} {sentence(problem)} For example:\n{EXAMPLE}")
