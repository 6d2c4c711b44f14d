"""PostgreSQL's expression trees (`pg_node_tree`), as the catalog stores policies and SQL-standard function bodies.

The stored tree has every name resolved to an object id, and says of each column to which query it belongs. The text
that `pg_get_expr` makes of it would have to be parsed and resolved again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

_TOKEN = re.compile(r'[{}()\[\]]|"(?:\\.|[^"\\])*"|(?:\\.|[^\s{}()\[\]\\])+', re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)

Value: TypeAlias = "str | Node | list[Value] | None"
"""A scalar as PostgreSQL prints it, a node, a list, or None for `<>`."""


@dataclass(frozen=True)
class Node:
    """A node of a tree: `{VAR :varno 1 :varattno 2}`."""

    tag: str
    """The type of the node: "VAR", "FUNCEXPR", "SUBLINK"."""
    fields: dict[str, Value]
    """The node's fields by name."""

    def number(self, field: str) -> int:
        """A field as a number; 0 if the node has no such field."""
        value = self.fields.get(field)
        return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else 0

    def node(self, field: str) -> Node | None:
        """A field that holds one node; None without it."""
        value = self.fields.get(field)
        return value if isinstance(value, Node) else None

    def nodes(self, field: str) -> list[Node]:
        """The nodes of a field that holds a list; empty without it."""
        value = self.fields.get(field)
        return [each for each in value if isinstance(each, Node)] if isinstance(value, list) else []

    @property
    def arguments(self) -> list[Node]:
        """The operands of an operator, the arguments of a call, or the one argument of a cast or a null test."""
        one = self.node("arg")
        return [one] if one is not None else self.nodes("args")


def parse(text: str | None) -> Node | None:
    """The tree that PostgreSQL prints as this text; None for null, and for what is not a single node."""
    if not text:
        return None
    tokens = _TOKEN.findall(text)
    if not tokens or tokens[0] != "{":
        return None
    return _Parser(tokens).node()


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def node(self) -> Node:
        tag = self._tokens[self._at + 1]
        self._at += 2
        fields: dict[str, Value] = {}
        while self._tokens[self._at] != "}":
            name = self._tokens[self._at].removeprefix(":")
            self._at += 1
            values: list[Value] = []
            while (token := self._tokens[self._at]) != "}" and not token.startswith(":"):
                values.append(self._value())
            # Where it stood in the statement makes equal trees unequal (up to PostgreSQL 16).
            if name != "location":
                # A constant has two: its length, and a list of its bytes.
                fields[name] = values[0] if len(values) == 1 else values
        self._at += 1
        return Node(tag, fields)

    def _value(self) -> Value:
        word = self._tokens[self._at]
        if word == "{":
            return self.node()
        self._at += 1
        if word in "([":
            return self._list(")" if word == "(" else "]")
        if word == "<>":
            return None
        return _ESCAPE.sub(r"\1", word[1:-1] if word.startswith('"') else word)

    def _list(self, end: str) -> list[Value]:
        values: list[Value] = []
        while self._tokens[self._at] != end:
            values.append(self._value())
        self._at += 1
        return values


def walk(node: Node, level: int = 0) -> Iterator[tuple[Node, int]]:
    """The node and all below it, each with its level: how many queries lie between it and the start.

    A column (`VAR`) belongs to the query `varlevelsup` levels above its own.
    """
    if node.tag == "QUERY":
        level += 1
    yield node, level
    for value in node.fields.values():
        yield from _walk_value(value, level)


def _walk_value(value: Value, level: int) -> Iterator[tuple[Node, int]]:
    if isinstance(value, Node):
        yield from walk(value, level)
    elif isinstance(value, list):
        for each in value:
            yield from _walk_value(each, level)


def constant(node: Node) -> bytes | None:
    """The bytes of a constant, without the length of a text; None for null and for other nodes."""
    value = node.fields.get("constvalue")
    if node.tag != "CONST" or not isinstance(value, list) or len(value) < 2 or not isinstance(value[1], list):
        return None
    data = bytes(int(each) % 256 for each in value[1] if isinstance(each, str))
    # A text is stored with a header of four bytes, which holds its length times four.
    return data[4:] if node.number("constlen") == -1 else data[: max(node.number("constlen"), 0)]
