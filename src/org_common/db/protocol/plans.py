"""Named prepared statements of one connection, where its profile allows them.

The server parses and plans a text once for each connection instead of once for each unit: a guarded read takes half of
the time (286 -> 137 us for one row, 358 -> 208 us for fifty; benchmarks/read.py, 2026-11). A plan belongs to the role
that it was made for; PostgreSQL makes it again when the role has changed.
"""

from __future__ import annotations

from org_common.db.protocol.statement import Wire

# A program has this many texts or fewer; whatever puts texts together at run time must not fill the server's memory.
LIMIT = 256

Key = tuple[bytes, tuple[int, ...]]


class Plans:
    """Which texts the server knows, by which name. A text with parameters of other types is another one."""

    __slots__ = ("_made", "_names")

    def __init__(self) -> None:
        self._names: dict[Key, bytes] = {}
        self._made = 0

    def name(self, statement: Wire) -> bytes | None:
        """The name of a statement that the server knows."""
        return self._names.get((statement[0], statement[2]))

    def new(self, statement: Wire) -> bytes | None:
        """A name for a statement that it should get to know, None when it need not. No name is used twice."""
        is_query = statement[0][:6].lower() in (b"select", b"insert", b"update", b"delete") or bool(statement[1])
        if not is_query or len(self._names) >= LIMIT:
            return None
        self._made += 1
        return b"oc_%d" % self._made

    def learned(self, statement: Wire, name: bytes) -> None:
        """The server has parsed it."""
        self._names[(statement[0], statement[2])] = name

    def forget(self) -> None:
        """The server denies one of them, or has changed a table below it: begin anew, with new names."""
        self._names.clear()
