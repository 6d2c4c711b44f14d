"""What pydantic loads and an environment rarely uses: deferred until something uses it.

- `secrets`, for the comparison of two secret values: with hmac and OpenSSL's libcrypto 15 million instructions.
- importlib.metadata, by which pydantic looks for plugins when it builds the first model. It loads email, zipfile, lzma
  and 40 other modules: 110 million instructions, and nearly every environment has no plugin. So a stand-in for the
  module in which pydantic does this reads the entry points of the installed distributions itself. If one declares a
  plugin, or if there is anything but folders to search, the stand-in imports pydantic's own module.

Both together are an eighth of a cold start (callgrind, pydantic 2.14.3, Python 3.11, 2026-11). Nothing of this happens
to a module that is loaded already, or if ORG_COMMON_PYDANTIC is `complete`. `org_common.db.rows` and
`org_common.values.model` import this module, so that it comes before pydantic.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from importlib import import_module
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

SWITCH = "ORG_COMMON_PYDANTIC"
"""The environment variable: `complete` for a plain import."""
PLUGIN_LOADER = "pydantic.plugin._loader"
GROUP = b"[pydantic]"


class _Deferred(ModuleType):
    """Stands for a module that is imported when someone asks for one of its attributes."""

    def __getattr__(self, name: str) -> Any:
        # `from module import name` asks whether the module is a package.
        if name == "__path__":
            raise AttributeError(name)
        return getattr(self._load(), name)

    def _load(self) -> ModuleType:
        # Threads that come second find the module itself here, or wait for its import.
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return import_module(self.__name__)


class _PluginLoader(_Deferred):
    """Stands for pydantic's module, and looks for plugins as it does: once, at the first model."""

    _found_none = False

    def get_plugins(self) -> Iterable[Any]:
        """The installed plugins."""
        if self._found_none or not may_have_plugins():
            self._found_none = True
            return ()
        plugins: Iterable[Any] = self._load().get_plugins()
        return plugins


def may_have_plugins() -> bool:
    """Whether an installed distribution declares a plugin of pydantic. True if that takes more than reading files."""
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    if finders != [PathFinder]:
        return True
    try:
        return any(_declares_plugin(entry or os.curdir) for entry in sys.path)
    except OSError:
        # An archive, or a folder that this process may not read.
        return True


def _declares_plugin(entry: str) -> bool:
    """Whether a distribution in this entry of `sys.path` does."""
    if entry.lower().endswith(".egg"):
        return True
    try:
        names = os.listdir(entry)  # noqa: PTH208 - pathlib takes 4 ms
    except FileNotFoundError:
        return False
    for name in names:
        if name.lower().endswith((".dist-info", ".egg-info")):
            try:
                with open(f"{entry}/{name}/entry_points.txt", "rb") as file:  # noqa: PTH123
                    if GROUP in file.read():
                        return True
            except (FileNotFoundError, NotADirectoryError):
                continue
    return False


if os.environ.get(SWITCH) != "complete":
    for _module in (_Deferred("secrets"), _PluginLoader(PLUGIN_LOADER)):
        sys.modules.setdefault(_module.__name__, _module)
