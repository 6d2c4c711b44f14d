"""Which functions look at the caller: they read a setting or the session's user, or call a function that does."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cached_property

from org_common.tools.lint.catalog import Function
from org_common.tools.lint.nodes import Node, walk

_COMMENT = re.compile(r"--[^\n\r]*|/\*.*?\*/", re.DOTALL)
_CALL = re.compile(r"(?:\b([a-z_][\w$]*)\s*\.\s*)?\b([a-z_][\w$]*)\s*\(", re.IGNORECASE)
_TABLE = re.compile(
    r"\b(?:from|join|into|update|table|using)\s+(?:only\s+)?(?:([a-z_][\w$]*)\s*\.\s*)?([a-z_][\w$]*)", re.IGNORECASE
)
_USER = re.compile(r"\b(?:session_user|current_user|current_role)\b", re.IGNORECASE)
# Of PostgreSQL's SQLValueFunctionOp.
_USER_OPS = frozenset({9, 10, 11, 12})
_SOURCES = frozenset({"current_setting", "current_user", "session_user"})


def code(source: str) -> str:
    """A function's source without comments and without the quotes of names."""
    return _COMMENT.sub(" ", source).replace('"', "")


def tables_named(source: str) -> set[tuple[str, str]]:
    """The tables that a function's source reads or writes: schema ("" without one) and name, in lower case."""
    return {(schema.lower(), name.lower()) for schema, name in _TABLE.findall(code(source))}


def called(node: Node) -> set[int]:
    """The object ids of the functions that a tree calls, those of its operators included."""
    oids = {found.number("funcid") or found.number("opfuncid") for found, _ in walk(node)}
    return oids - {0}


def is_user(node: Node) -> bool:
    """Whether a node is CURRENT_ROLE, CURRENT_USER, USER or SESSION_USER. The others of its type tell the time."""
    return node.tag == "SQLVALUEFUNCTION" and node.number("op") in _USER_OPS


class CallerReaders:
    """Follows calls, in trees by object id and in sources by name."""

    def __init__(self, functions: Mapping[int, Function]) -> None:
        self._functions = functions
        self._calls: dict[int, set[int]] = {}
        self._closures: dict[int, tuple[int, ...]] = {}

    @cached_property
    def _names(self) -> dict[str, dict[str, list[int]]]:
        """The functions by name and schema."""
        names: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for function in self._functions.values():
            names[function.name][function.schema].append(function.oid)
        return names

    def calls(self, oid: int) -> set[int]:
        """The functions that a function calls itself."""
        if oid not in self._calls:
            function = self._functions.get(oid)
            self._calls[oid] = self._find_calls(function) if function is not None else set()
        return self._calls[oid]

    def _find_calls(self, function: Function) -> set[int]:
        if function.body is not None:
            return called(function.body)
        found: set[int] = set()
        for schema, name in _CALL.findall(code(function.source)):
            schemas = self._names.get(name.lower(), {})
            # Without its schema, a name means whatever the search path finds: each function with this name counts.
            for each, oids in schemas.items():
                if not schema or each == schema.lower():
                    found.update(oids)
        return found

    def closure(self, oid: int) -> tuple[int, ...]:
        """The function and all that it calls, directly or not."""
        if oid not in self._closures:
            found, queue = dict.fromkeys([oid]), [oid]
            while queue:
                new = [each for each in self.calls(queue.pop()) if each not in found and each in self._functions]
                found |= dict.fromkeys(new)
                queue += [each for each in new if self._functions[each].own]
            self._closures[oid] = tuple(found)
        return self._closures[oid]

    def reads_caller(self, oid: int) -> bool:
        """Whether the result of a function depends on who calls."""
        functions = (self._functions[each] for each in self.closure(oid) if each in self._functions)
        return any(
            (not function.own and function.name in _SOURCES)
            or bool(_USER.search(code(function.source)))
            or (function.body is not None and any(is_user(node) for node, _ in walk(function.body)))
            for function in functions
        )

    def depends(self, node: Node) -> bool:
        """Whether an expression depends on who calls."""
        return any(
            is_user(found) or (found.tag == "FUNCEXPR" and self.reads_caller(found.number("funcid")))
            for found, _ in walk(node)
        )
