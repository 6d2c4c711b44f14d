"""Database URL: parsed as libpq does, and what is wrong with one that libpq refuses or misreads.

libpq ends the password at the first `@`, and quotes in its errors what it takes for a host, a port or a parameter.
With a password that is not percent-encoded, that is a part of it. The messages here contain only a scheme or the name
of a parameter, and the name only where no part of a password can be in its place.
"""

from __future__ import annotations

import re
from typing import Any

from psycopg.errors import OperationalError
from psycopg.pq import Conninfo

from org_common.db.driver import conninfo

# Left by `echo`, by an editor or by copying from a web page.
_EDGES = " \t\r\n\f\v\u00a0\u200b\ufeff"
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"
_SCHEME = re.compile(r"postgres(?:ql)?://")
_OTHER_SCHEME = r"((?:jdbc:|r2dbc:)?[A-Za-z][A-Za-z0-9+.-]{0,30})://"
_SPACE = re.compile(r"[\s\0-\x1f\x7f]")
_PREFIX = r"[^@]*?postgres(?:ql)?://"
_NAME = r"[A-Za-z_][A-Za-z0-9_.-]{0,40}"
# Parameters of other drivers: these names are not part of a password, wherever they are.
_FOREIGN = (
    r"\b(pgbouncer|schema|connection_limit|pool_timeout|pool_size|max_overflow|socket_timeout|statement_cache_size"
    r"|prepared_statement_cache_size|sslaccept|sslidentity|sslpool|currentSchema|prepareThreshold)="
)
_ENCODE = "percent-encode special characters of the password: @ is %40, / is %2F, % is %25, a space is %20"


def parse(url: str) -> dict[str, str] | str:
    """The connection parameters, or a string that says what is wrong. White space around the URL is ignored."""
    text = url.strip(_EDGES)
    if not text:
        return "it is empty"
    try:
        given = conninfo.parse(text)
    except (OperationalError, UnicodeError):
        # UnicodeError: %ff in a password that is not percent-encoded is not UTF-8.
        return _refusal(text)
    return _misread(text, given) or given


def _misread(text: str, given: dict[str, Any]) -> str | None:
    """Why libpq has not read what was meant, although it has read something."""
    address = _after_login(text).partition("?")[0] if _SCHEME.match(text) else str(given.get("host", ""))
    if "@" in address:
        return f"a host or database name contains @. Is it a part of the password? If so, {_ENCODE}"
    if not re.fullmatch(r"\d*(?:,\d*)*", str(given.get("port", ""))):
        return f"the port is not a number. Is it a part of the password? If so, {_ENCODE}"
    if _SCHEME.match(text) and _SPACE.search(text):
        return "it contains a space or a line break. Write it in one line, with %20 for a space"
    return None


def _refusal(text: str) -> str:
    """Why libpq cannot parse it."""
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        return "there are quotes around it. Delete them"
    if text[0] in "{[":
        return "it is JSON. Only a secret may be JSON; a URL begins with postgresql://"
    if _SCHEME.match(text):
        return _refused_parameter(text)
    other = re.match(_OTHER_SCHEME, text)
    if other:
        return f"it begins with {other[1]}://, and the SDK reads only postgresql:// and postgres://"
    if re.match(_PREFIX, text):
        return "there is something in front of postgresql://. Delete it"
    foreign = re.search(_FOREIGN, text)
    if foreign:
        return f"libpq has no parameter {foreign[1]!r}, it is another tool's. Delete it"
    return "it does not begin with postgresql://, and is not a list of key=value with spaces quoted, key='a value'"


def _refused_parameter(text: str) -> str:
    rest = _after_login(text)
    if _SPACE.search(text):
        return f"it contains a space or a line break. Write it in one line, and {_ENCODE}"
    foreign = re.search(_FOREIGN, rest)
    if foreign:
        return f"libpq has no parameter {foreign[1]!r}, it is another tool's. Delete it"
    if "@" not in rest:
        known = {option.keyword.decode() for option in Conninfo.get_defaults()}
        names = [pair.partition("=")[0] for pair in rest.partition("?")[2].split("&")]
        unknown = next((name for name in names if name not in known and re.fullmatch(_NAME, name)), None)
        if unknown:
            return f"libpq has no parameter {unknown!r}, or it has no value. Is it another tool's? Then delete it"
    return f"it cannot be parsed. Is it the password? If so, {_ENCODE}"


def _after_login(text: str) -> str:
    """What follows `user:password@`, as libpq splits it: the password ends at the first @ in front of any slash."""
    rest = _SCHEME.sub("", text, count=1)
    login = re.match(r"[^@/]*@", rest)
    return rest[login.end() :] if login else rest
