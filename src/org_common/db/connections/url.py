"""The URL of a database: mistakes that libpq reports in words that do not help, or that show the password."""

from __future__ import annotations

import re

from psycopg.pq import Conninfo

UNREADABLE = "the database's URL cannot be parsed. Special characters of the password are encoded: @ is %40, / is %2F"
_SCHEMES = frozenset({"postgresql", "postgres"})
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<place>[^/?]*)(?P<path>[^?]*)(?:\?(?P<query>.*))?", re.DOTALL
)
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def url_problem(url: str) -> str | None:
    """What is wrong with it and what to do, without a part of the password; None when libpq may read it."""
    if not url:
        return "the database's URL is empty. Example: postgresql://app_login:PASSWORD@db.example.com:5432/app"
    if url[0] in "'\"" and url[-1] == url[0]:
        return "the database's URL is in quotes: leave them out"
    if url[:5].lower() == "jdbc:":
        return "the database's URL begins with jdbc:, which is for Java: write postgresql://USER:PASSWORD@HOST/DATABASE"
    found = _URL.fullmatch(url)
    if found is None:
        # libpq's other form, host=... dbname=...
        return None
    if found["scheme"] not in _SCHEMES:
        return f"the database's URL begins with {found['scheme']}://, which is for another tool: write postgresql://"
    query = found["query"] or ""
    place = found["place"]
    if place.count("@") > 1 or "@" in found["path"] or ("@" in query and "@" not in place):
        # The password has characters that end it; what is behind them would be read, and logged, as a host name.
        return UNREADABLE
    return _unknown_parameter(query)


def _unknown_parameter(query: str) -> str | None:
    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    for part in query.split("&"):
        name, equals, _ = part.partition("=")
        # "ssl" is JDBC's, which libpq reads too.
        if equals and _NAME.fullmatch(name) and name not in known | {"ssl"}:
            return f"the database's URL has the parameter {name}, which is not one of PostgreSQL: take it out"
    return None
