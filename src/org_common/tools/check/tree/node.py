"""Parse trees as PostgreSQL prints them: `{VAR :varno 1 :varattno 2}` becomes `Node("VAR", {...})`.

The server prints the tree that it plans (`debug_print_rewritten`): names and types are resolved, views are expanded,
and each version of PostgreSQL parses its own grammar. Fields that a version does not have read as None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_TOKEN = re.compile(r'[{}()\[\]]|"(?:[^"\\]|\\.)*"|(?:[^\s(){}\[\]\\]|\\.)+', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


class Node:
    """One node of a tree."""

    __slots__ = ("_fields", "kind")

    def __init__(self, kind: str, fields: dict[str, Any]) -> None:
        self.kind = kind
        self._fields = fields

    kind: str
    """Its type, as in "VAR"."""

    def __getitem__(self, field: str) -> Any:
        """A `Node`, a list, a string, or None for an empty field or one that this version does not have."""
        return self._fields.get(field)

    def number(self, field: str) -> int:
        """A field that is a number; 0 without it."""
        value = self._fields.get(field)
        return int(value) if isinstance(value, str) else 0

    def is_true(self, field: str) -> bool:
        """A field that is a boolean."""
        return bool(self._fields.get(field) == "true")

    def items(self, field: str) -> list[Any]:
        """A field that is a list; an empty one without it."""
        value = self._fields.get(field)
        return value if isinstance(value, list) else []

    def children(self) -> Iterator[Node]:
        """The nodes in its fields and lists."""
        waiting: list[Any] = [*self._fields.values()]
        while waiting:
            each = waiting.pop()
            if isinstance(each, Node):
                yield each
            elif isinstance(each, list):
                waiting += each

    def walk(self) -> Iterator[Node]:
        """The node and all nodes below it."""
        waiting: list[Any] = [self]
        while waiting:
            each = waiting.pop()
            if isinstance(each, Node):
                yield each
                waiting += each._fields.values()
            elif isinstance(each, list):
                waiting += each

    def __repr__(self) -> str:
        return f"{{{self.kind}}}"


def parse(text: str) -> Any:
    """The tree of a text: a `Node`, or a list of them."""
    # PostgreSQL wraps its lines at blanks.
    return _Parser(_TOKEN.findall(text)).value()


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def value(self) -> Any:
        begins = self._tokens[self._at]
        self._at += 1
        match begins:
            case "{":
                return self._node()
            case "(":
                return self._list(")")
            case "[":
                return self._list("]")
            case "<>":
                return None
            case _:
                return _text(begins)

    def _node(self) -> Node:
        kind = self._tokens[self._at]
        self._at += 1
        fields: dict[str, Any] = {}
        while (token := self._tokens[self._at]) != "}":
            self._at += 1
            fields[token[1:]] = self._field()
        self._at += 1
        return Node(kind, fields)

    def _field(self) -> Any:
        """A value; the bytes of a constant are its length and a list."""
        found: Any = None
        while (token := self._tokens[self._at]) != "}" and not token.startswith(":"):
            found = self.value()
        return found

    def _list(self, end: str) -> list[Any]:
        found: list[Any] = []
        while self._tokens[self._at] != end:
            found.append(self.value())
        self._at += 1
        return found


def _text(token: str) -> str:
    if token.startswith('"') and token.endswith('"') and len(token) > 1:
        token = token[1:-1]
    return _ESCAPE.sub(r"\1", token) if "\\" in token else token
