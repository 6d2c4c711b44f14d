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
_STRING = re.compile(r"'[^']*'")
_SESSION_USER = re.compile(r"\bsession_user\b", re.IGNORECASE)
_CURRENT_USER = re.compile(r"\b(?:current_user|current_role)\b", re.IGNORECASE)
# Of PostgreSQL's SQLValueFunctionOp.
_CURRENT_USER_OPS = frozenset({9, 10, 11})
_SESSION_USER_OP = 12
_COMPARED = re.compile(
    rf"{_CURRENT_USER.pattern}(?:\s*::\s*\w+)*\s*(?:[=<>~!]|(?:not\s+)?(?:in|like|ilike)\b)"
    rf"|[=<>~]\s*{_CURRENT_USER.pattern}",
    re.IGNORECASE,
)
_VALUE = "SQLVALUEFUNCTION"
_SOURCES = frozenset({"current_setting", "session_user"})


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


def _names_current_user(body: Node | str) -> bool:
    """Whether a tree or a source has CURRENT_USER, CURRENT_ROLE or USER."""
    if isinstance(body, str):
        return bool(_CURRENT_USER.search(_STRING.sub(" ", code(body))))
    return any(found.tag == _VALUE and found.number("op") in _CURRENT_USER_OPS for found, _ in walk(body))


def compares_current_user(body: Node | str) -> bool:
    """Whether CURRENT_USER is an operand in a tree or a source. As an argument it may mean the owner on purpose."""
    if isinstance(body, str):
        return bool(_COMPARED.search(_STRING.sub("''", code(body))))
    operations = (found for found, _ in walk(body) if found.tag in ("OPEXPR", "SCALARARRAYOPEXPR"))
    return any(
        _names_current_user(each) for operation in operations for each in operation.arguments if not _is_call(each)
    )


def _is_call(node: Node) -> bool:
    return node.tag == "FUNCEXPR" and node.number("funcformat") == 0


def _names_session_user(body: Node | str) -> bool:
    if isinstance(body, str):
        return bool(_SESSION_USER.search(code(body)))
    return any(found.tag == _VALUE and found.number("op") == _SESSION_USER_OP for found, _ in walk(body))


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
        """Whether the result of a function depends on who calls.

        In a function that runs as its owner, and in what it calls, CURRENT_USER is the owner.
        """
        functions = [self._functions[each] for each in self.closure(oid) if each in self._functions]
        as_owner = oid in self._functions and self._functions[oid].definer
        return any(
            (not function.own and function.name in _SOURCES)
            or _names_session_user(function.body or function.source)
            or (not as_owner and not function.definer and _names_current_user(function.body or function.source))
            for function in functions
        )

    def depends(self, node: Node) -> bool:
        """Whether an expression depends on who calls."""
        return (
            _names_session_user(node)
            or _names_current_user(node)
            or any(found.tag == "FUNCEXPR" and self.reads_caller(found.number("funcid")) for found, _ in walk(node))
        )
