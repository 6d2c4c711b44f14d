"""Import the parts of psycopg that the SDK uses, and leave the rest to its first user.

The SDK uses psycopg's libpq wrapper, its errors and its adapters. `import psycopg` also loads cursors, connections,
COPY, asyncio, ssl, ctypes and importlib.metadata: 592 million instructions, where these parts take half (callgrind,
psycopg 3.3.9, Python 3.11, 2026-11). So this module creates the package `psycopg` without running its `__init__`, and
imports the parts. The first use of anything else, an attribute or a submodule, completes the package: its `__init__`
runs then, in the same module object, and finds the parts in place.

Nothing of this happens if psycopg is loaded already, if another thread could see a half of it, if its version is not
one that the tests know, or if ORG_COMMON_PSYCOPG is `complete`.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

SWITCH = "ORG_COMMON_PSYCOPG"
"""The environment variable: `complete` for a plain `import psycopg`."""
VERSIONS = ("3.3.",)
"""Versions whose modules are known to load in this order."""
PARTS = (
    *("psycopg.pq", "psycopg.errors", "psycopg.adapt", "psycopg.postgres", "psycopg.sql", "psycopg.types.array"),
    *("psycopg.types.bool", "psycopg.types.datetime", "psycopg.types.json", "psycopg.types.none"),
    *("psycopg.types.numeric", "psycopg.types.string", "psycopg.types.uuid"),
)


def load() -> None:
    """Import psycopg, in parts where that is safe."""
    if "psycopg" in sys.modules:
        return
    spec = PathFinder.find_spec("psycopg")
    versions = _versions(spec)
    if spec is None or versions is None or threading.active_count() > 1 or os.environ.get(SWITCH) == "complete":
        importlib.import_module("psycopg")
        return
    package = _PartialPackage(spec)
    # A part of psycopg_binary, which would ask importlib.metadata for the same text: 20 ms of a cold start of 170.
    version: Any = ModuleType("psycopg_binary.version")
    version.__version__ = versions["psycopg_binary"]
    sys.modules.update({"psycopg": package, version.__name__: version})
    try:
        with _stand_ins():
            for part in PARTS:
                importlib.import_module(part)
        _partial.append(package)
        sys.meta_path.insert(0, _Submodules)
    except Exception:  # noqa: BLE001 - whatever it is, the plain import has it as well or does without
        # A release whose modules depend on each other in another way.
        for name in [name for name in sys.modules if name.partition(".")[0] in {"psycopg", "psycopg_binary"}]:
            del sys.modules[name]
        importlib.import_module("psycopg")


def part(name: str) -> Any:
    """The module `name` of psycopg, without completing the package. Only for modules that import no cursor."""
    with _lock:
        held = _partial.copy()
        _partial.clear()
        try:
            return importlib.import_module(name)
        finally:
            _partial.extend(held)


def _versions(spec: ModuleSpec | None) -> dict[str, str] | None:
    """The versions of psycopg and its binary, by distribution; None unless both are there in a known version."""
    if spec is None or not spec.origin or os.environ.get("PSYCOPG_IMPL", "binary") != "binary":
        return None
    try:
        names = os.listdir(os.path.dirname(os.path.dirname(spec.origin)))  # noqa: PTH120, PTH208 - pathlib takes 4 ms
    except OSError:
        return None
    found = dict(
        name.removesuffix(".dist-info").split("-", 1)
        for name in names
        if name.startswith(("psycopg-", "psycopg_binary-")) and name.endswith(".dist-info")
    )
    # The C implementation that is built on the machine comes first, with the machine's OpenSSL.
    if "psycopg_c" in names or found.keys() != {"psycopg", "psycopg_binary"}:
        return None
    return found if all(version.startswith(VERSIONS) for version in found.values()) else None


class _PartialPackage(ModuleType):
    """The package psycopg, whose `__init__` runs when someone asks for an attribute that is not there yet."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__("psycopg")
        self.__spec__ = spec
        self.__loader__ = spec.loader
        self.__package__ = "psycopg"
        self.__file__ = spec.origin
        self.__path__ = list(spec.submodule_search_locations or ())

    def __getattr__(self, name: str) -> Any:
        # Another thread completes the package, and may wait for the submodule that this one imports: so this one does
        # not wait for a name that it can import, as in `from . import cursor`.
        if _lock.acquire(blocking=PathFinder.find_spec(f"psycopg.{name}", self.__path__) is None):
            try:
                _complete()
            finally:
                _lock.release()
        try:
            return self.__dict__[name]
        except KeyError:
            raise AttributeError(f"module 'psycopg' has no attribute {name!r}", name=name, obj=self) from None


class _Submodules:
    """A finder that completes the package before a submodule is imported that is not one of the parts."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        # Without waiting: the thread that completes the package may wait for the submodule that this one imports.
        if not name.startswith("psycopg.") or not _lock.acquire(blocking=False):
            return None
        try:
            _complete()
        finally:
            _lock.release()
        module = sys.modules.get(name)
        if module is None:
            return None
        # The import system takes the spec of a module that is there by now, and would execute it again.
        loader: Any = _Loaded(module)
        module.__spec__ = ModuleSpec(name, loader)
        return module.__spec__


class _Loaded:
    """The loader of a module that was loaded while its import was about to begin."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


_lock = threading.RLock()
# The package while its parts are loaded and the rest is not.
_partial: list[_PartialPackage] = []


def _complete() -> None:
    """Run psycopg's own `__init__`, once. The lock is held."""
    if not _partial:
        return
    package = _partial.pop()
    # What psycopg catches must be the real class from now on.
    from asyncio import CancelledError

    names = vars(sys.modules["psycopg.errors"])
    stand_in, names["CancelledError"] = names["CancelledError"], CancelledError
    bare = names["_NO_TRACEBACK"]
    names["_NO_TRACEBACK"] = tuple(CancelledError if error is stand_in else error for error in bare)
    if package.__spec__ and package.__spec__.loader:
        package.__spec__.loader.exec_module(package)
    sys.meta_path.remove(_Submodules)
    package.__class__ = ModuleType  # type: ignore[assignment] # allowed for modules since Python 3.5


class _Later(ModuleType):
    """A module that is imported when someone asks it for an attribute."""

    def __init__(self, name: str, *submodules: str) -> None:
        super().__init__(name)
        self._submodules = submodules

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        for submodule in self._submodules:
            importlib.import_module(submodule)
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Stand-ins for modules that the parts import and do not use. The ones in `sys.modules` afterwards are real.

    psycopg imports `ssl` for OpenSSL before 1.1, which needed its locks from Python; the wheel contains OpenSSL 3.
    `ctypes.util` looks for a libpq, which the wheel contains. Of `asyncio` the parts need the name of an exception.
    """
    asyncio: Any = _Later("asyncio")
    asyncio.CancelledError = type("CancelledError", (BaseException,), {})
    ctypes, util = _Later("ctypes", "ctypes.util"), _Later("ctypes.util")
    ctypes_names = {"ctypes": ctypes, "ctypes.util": util} if "ctypes" not in sys.modules else {}
    used = {"asyncio": asyncio, "ssl": _Later("ssl"), **ctypes_names}
    used = {name: module for name, module in used.items() if name not in sys.modules}
    sys.modules.update(used)
    try:
        yield
    finally:
        for name, module in used.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
