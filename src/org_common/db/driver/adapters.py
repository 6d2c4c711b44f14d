"""psycopg's adapters, registered when a value or a column first needs them.

All of them at import take 130 million instructions; those of numbers, strings, times, UUIDs and JSON take a fifth
(callgrind, psycopg 3.3.9, 2026-11).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from psycopg import _oids as oids
from psycopg import postgres
from psycopg.abc import Dumper, Loader
from psycopg.adapt import AdaptersMap, PyFormat
from psycopg.errors import ProgrammingError
from psycopg.pq import Format
from psycopg.types import TypeInfo, TypesRegistry, array, datetime, json, none, numeric, string, uuid
from psycopg.types import bool as booleans

from org_common.db.driver.partial_import import part

# PostgreSQL numbers the types of users and extensions from here (src/include/access/transam.h, FirstNormalObjectId).
_FIRST_OF_USERS = 16384


def default_adapters() -> AdaptersMap:
    """The adapters of psycopg, with those that a program has registered in `psycopg.adapters` before."""
    registered = sys.modules["psycopg"].__dict__.get("adapters")
    return LazyAdapters() if registered is None else AdaptersMap(registered)


class LazyTypes(TypesRegistry):
    """PostgreSQL's types, registered at the first look-up."""

    is_registered: bool = False

    def __getitem__(self, key: Any) -> Any:
        self._register()
        return super().__getitem__(key)

    def __iter__(self) -> Iterator[TypeInfo]:
        self._register()
        return super().__iter__()

    def get_by_subtype(self, cls: Any, subtype: int | str) -> Any:
        self._register()
        return super().get_by_subtype(cls, subtype)

    def _register(self) -> None:
        if not self.is_registered:
            self.is_registered = True
            part("psycopg.types.multirange")
            postgres.register_default_types(self)


class LazyAdapters(AdaptersMap):
    """The adapters of common types; the first value or column of any other type registers the rest."""

    is_complete: bool = False

    def __init__(self) -> None:
        super().__init__(types=LazyTypes())
        for module in (array, datetime, json, none, string, uuid, booleans, numeric):
            module.register_default_adapters(self)

    def register_loader(self, oid: int | str, loader: type[Loader]) -> None:
        if isinstance(oid, str):
            # A look-up by name would register all types. `"char"` has quotes in its name.
            name = oid.strip('"').upper()
            oid = getattr(oids, f"{name}_OID", oid)
        super().register_loader(oid, loader)

    def get_dumper(self, cls: type, format: PyFormat) -> type[Dumper]:
        try:
            return super().get_dumper(cls, format)
        except ProgrammingError:
            self._complete()
            return super().get_dumper(cls, format)

    def get_dumper_by_oid(self, oid: int, format: Format) -> type[Dumper]:
        # For COPY alone, which needs a cursor.
        self._complete()
        return super().get_dumper_by_oid(oid, format)

    def get_loader(self, oid: int, format: Format) -> type[Loader] | None:
        loader = super().get_loader(oid, format)
        if loader is None and oid < _FIRST_OF_USERS and not self.is_complete:
            info = self.types.get(oid)
            if info is None:
                return None
            if info.array_oid == oid and super().get_loader(info.oid, format) is not None:
                array.register_array(info, self)
            else:
                self._complete()
            loader = super().get_loader(oid, format)
        return loader

    def _complete(self) -> None:
        if self.is_complete:
            return
        self.is_complete = True
        rest = [part(f"psycopg.types.{name}") for name in ("composite", "enum", "multirange", "net", "numpy", "range")]
        # Numbers once more, behind numpy's: of both dumpers for numeric, Decimal's is the general one.
        for module in (*rest, numeric):
            module.register_default_adapters(self)
        part("psycopg.dbapi20").register_dbapi20_adapters(self)
        array.register_all_arrays(self)
