"""Who an error of a statement is from: the caller, who sent a value, or the program, which wrote the SQL."""

from __future__ import annotations

import re
import uuid

import orjson

from org_common.db.protocol.statement import TEXT_FORMAT, Wire

# C functions that parse a value and report it with a code for errors of SQL: tsquery, jsonpath, names of objects; and
# ON CONFLICT for a list that has an item twice.
_PARSERS = frozenset(
    {
        *("gettoken_query_standard", "gettoken_query_websearch", "gettoken_tsvector", "prssyntaxerror", "makepol"),
        *("jsonpath_yyerror", "parseTypeString", "typeStringToTypeName", "find_option", "get_namespace_oid"),
        *("regclassin", "regcollationin", "regconfigin", "regdictionaryin", "regnamespacein", "regoperin"),
        *("regoperatorin", "regprocedurein", "regprocin", "regrolein", "regtypein", "get_role_oid"),
        *("DeconstructQualifiedName", "RangeVarGetRelidExtended", "makeRangeVarFromNameList"),
        *("stringToQualifiedNameList", "textToQualifiedNameList", "ExecOnConflictUpdate", "xmlparse", "xml_in"),
    }
)
_JSON = frozenset({114, 3802})
_INTEGERS = frozenset({20, 21, 23})
_UUID = 2950
# Codes of data exceptions whose message quotes the value; others quote the name of an encoding or a key of JSON.
_QUOTING = frozenset({"22003", "22007", "22008", "22023", "22P02"})
# It quotes the pattern: source string too short for "YYYY" formatting field.
_QUOTES_PATTERN = "from_char_parse_int_len"
# C functions that check a value against its domain; ExecConstraints checks a row against its table.
_DOMAIN_CHECKS = frozenset({"ExecEvalConstraintCheck", "domain_check_input"})
_ACCESS_RULE = b"select app.require("
# The SDK's own values: role, claims, limits. No statement of a handler may call it.
_SETTINGS = b"select set_config("


def is_value_sent(statement: Wire, message: str, *, is_in_sql: bool, is_quoted: bool = True) -> bool:
    """The statement was given values, and none but them can be the reason.

    `is_in_sql`: the server pointed at a place of the SQL, where there is only what the program wrote. A message that
    quotes a value (`is_quoted`) is about that one: a cast in a policy fails for what a row has stored.
    """
    command, values, types, formats = statement
    sent = [
        _text(value, oid, form).casefold()
        for value, oid, form in zip(values, types, formats, strict=True)
        if value is not None
    ]
    if is_in_sql or not sent or command.startswith(_SETTINGS):
        return False
    if not is_quoted:
        return True
    quoted = {*re.findall('"([^"]*)"', message), *re.findall('"(.*)"', message, re.DOTALL)}
    return not quoted or any(_is_about(piece.casefold(), text) for piece in quoted for text in sent)


def is_value_quoted(sqlstate: str, routine: str | None) -> bool:
    """The message of this error quotes the value that it is about, if it quotes anything."""
    return (sqlstate in _QUOTING or sqlstate[:2] != "22") and routine != _QUOTES_PATTERN


def is_null_sent(statement: Wire) -> bool:
    """A value of the statement was null, or an object or a list, in which a null can be."""
    _, values, types, _ = statement
    return any(
        value is None or oid in _JSON or value[:1] in (b"{", b"[") for value, oid in zip(values, types, strict=True)
    )


def is_row_sent(statement: Wire, routine: str | None) -> bool:
    """The constraint is one of a table, or of a domain of which the statement was given a value.

    The roles in an access rule are literals of a domain: a misspelt one is the program's.
    """
    command, values, _, _ = statement
    return routine not in _DOMAIN_CHECKS or (bool(values) and not command.startswith(_ACCESS_RULE))


def is_parser_of_values(routine: str | None) -> bool:
    """The C function reads a value, and its errors look like errors of SQL."""
    return routine in _PARSERS


def _is_about(piece: str, text: str) -> bool:
    # Within a JSON value it is escaped; a value may also be a part of what was read: ('2026-' || $1)::date.
    return piece in text or orjson.dumps(piece).decode()[1:-1] in text or bool(text and text in piece)


def _text(value: bytes | bytearray | memoryview, oid: int, form: int) -> str:
    """A value as a message of the server shows it; other binary ones, such as dates, are valid before they are sent."""
    raw = bytes(value)
    if form == TEXT_FORMAT:
        return raw.decode(errors="replace")
    if oid in _INTEGERS:
        return str(int.from_bytes(raw, signed=True))
    return str(uuid.UUID(bytes=raw)) if oid == _UUID else repr(raw)
