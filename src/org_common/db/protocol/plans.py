"""Named prepared statements of one connection, if its profile allows them.

The server parses and plans a statement once for each connection instead of once for each transaction: a guarded read
takes half the time (286 -> 137 us for one row, 358 -> 208 us for fifty; benchmarks/read.py, 2026-11). A plan belongs to
a role; PostgreSQL replans when the role has changed.
"""

from __future__ import annotations

from org_common.db.protocol.statement import Wire

# Programs have fewer statements than this; SQL that is composed at run time must not fill the server's memory.
LIMIT = 256
# A longer statement holds data, which the server would keep.
MAX_LENGTH = 20_000

Key = tuple[bytes, tuple[int, ...]]


class Plans:
    """The statements that the server has prepared, and their names. Other parameter types make another statement."""

    __slots__ = ("_made", "_names", "_prefix")

    def __init__(self, prefix: bytes = b"oc") -> None:
        """`prefix` begins all names."""
        self._names: dict[Key, bytes] = {}
        self._made = 0
        self._prefix = prefix

    def name(self, statement: Wire) -> bytes | None:
        """The name of a statement that the server has prepared, None if it has not."""
        return self._names.get((statement[0], statement[2]))

    def new(self, statement: Wire) -> bytes | None:
        """A new name for a statement to prepare, None if it should not be prepared. No name is used twice."""
        is_query = statement[0][:6].lower() in (b"select", b"insert", b"update", b"delete") or bool(statement[1])
        if not is_query or len(self._names) >= LIMIT or len(statement[0]) > MAX_LENGTH:
            return None
        self._made += 1
        return b"%s_%d" % (self._prefix, self._made)

    def learned(self, statement: Wire, name: bytes) -> None:
        """Record that the server has parsed a statement."""
        self._names[(statement[0], statement[2])] = name

    def forget(self) -> None:
        """Start over with new names: the server lost a prepared statement, or a table below it has changed."""
        self._names.clear()
