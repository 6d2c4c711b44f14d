"""What attackers send: some thousands of texts that some program has taken for more than text."""

from __future__ import annotations

import base64
from itertools import product
from urllib.parse import quote

QUOTES = ("'", '"', "''", "\\'", "`", "$$", "$a$", "')", '")', "'))", "\u2019", "\u02bc", "\uff07", "\xbf'", "%27", "1")
ENDS = ("", "--", "-- ", "/*", "#", ";", ";--", "%00", "\0", "\n--", " or '1'='1", "::text")
SQL = (
    " or 1=1",
    " or true",
    " and 1=0 union select null",
    " union select null, null, null",
    " union all select version(), current_user, session_user",
    " union select id::text, name, slug from access.orgs",
    "; select set_config('role', 'app_sys', false)",
    "; select set_config('request.jwt.claims', '{}', false)",
    "; set role app_service",
    "; reset role",
    "; commit",
    "; drop table access.orgs cascade",
    "; update access.org_members set org_role = 'org_owner'",
    "; copy access.orgs to program 'id'",
    "; alter table access.orgs disable row level security",
    "; begin; delete from access.orgs; commit",
    " || (select string_agg(name, ',') from access.orgs) || ",
    " and (select pg_sleep(0))::text = ",
    " and 1 = cast((select name from access.orgs limit 1) as int)",
    " order by 99",
    " limit all offset 0",
    " returning *",
    " having 1=1",
    " in (select org_id from access.org_members)",
    " between 'a' and 'z'",
    "; select app.identify(true)",
    "; lock table access.orgs",
    "; listen everything",
    "; do $x$ begin raise exception 'gotcha'; end $x$",
)
WORDS = (
    *("select", "insert", "update", "delete", "null", "NULL", "true", "false", "undefined", "None", "NaN", "default"),
    *("Infinity", "-Infinity", "now()", "current_user", "anon", "authenticated", "app_sys", "app_login", "postgres"),
    *("public", "*", "%", "_", "?", "$1", "$2", ":id", ":1", "@@version", "0x27", "\\x27", "1e400", "-0", "00", "٣"),
    *("-1", "0", "1", "9" * 30, "1" * 400, "3.14", "1/0", "{}", "[]", '""', "''", "()", "<>", "\\", "\\\\", "/", "//"),
    *("org_owner", "sys_owner", "org_user' --", "12:00", "2026-02-30", "infinity", "epoch", "{1,2}", "(1,2)", "[1,2)"),
)
FORMATS = (
    *("%s", "%d", "%n", "%x%x%x%x", "%(org_id)s", "%(patch)s", "%(user_id)s", "%%", "%", "%(", "%()s", "%(a)d"),
    *("{}", "{0}", "{org_id}", "{0.__class__}", "{{", "}}", "${7*7}", "{{7*7}}", "#{7*7}", "<%= 7*7 %>", "${jndi:x}"),
    *("$(id)", "`id`", "|id", "&& id", "; id", "\r\nX-Evil: 1", "\r\n\r\n<html>", "<script>alert(1)</script>", "<!--"),
    *("../../../etc/passwd", "..\\..\\", "file:///etc/passwd", "javascript:alert(1)", "data:text/html,x", "//evil"),
    *("__class__", "__proto__", "constructor", "__init__", "self", "tx", "db", "identity", "body", "org_id"),
)
JSON = (
    *('"', '"}', '"]', '{"', '{"a":', "}", "]", "[", "{", ",", '"}, "role": "app_sys", "x": "', '\\"', "\\u0000"),
    *('{"sub": "x"}', '{"role": "service_role"}', '", "sub": "', "\\ud800", "\\", "\\n", "/*", "*/", "//", "null"),
    *("[" * 200, '{"a":' * 200, '{"a": 1, "a": 2}', "1.0e+400", "0x1", "'a'", '{"$ne": null}', '{"$gt": ""}'),
)
UNICODE = (
    *("\0", "a\0b", "\x01", "\x07", "\x08", "\x1b[31m", "\x7f", "\x80", "\x9f", "\u200b", "\u200d", "\u2028", "\u2029"),
    *("\u202e", "\ufeff", "\ufffd", "\ufffe", "\uffff", "\U0001f680", "\U0010ffff", "é", "e\u0301", "ﬀ", "İ", "ß"),
    *("\ud800", "\udfff", "a\ud800b", "\u0301" * 50, "Ω" * 300, "\xa0", "\u3000", "\t", "\n", "\r", " ", "", "\x0b"),
    *("\uff1b drop", "\u037e", "\u1d2c", "ｓｅｌｅｃｔ", "ѕelect", "sel\u200bect", "S\u0130N"),
)
LONG = (
    "a" * 63,
    "a" * 64,
    "a" * 200,
    "a" * 201,
    "a" * 2001,
    "a" * 8193,
    "'" * 5000,
    "%" * 3000,
    "\\" * 3000,
    "é" * 9000,
)
ENCODED = (
    "%27",
    "%2527",
    "%00",
    "%ff",
    "%c0%a7",
    "%u0027",
    "%",
    "%2",
    "%zz",
    "%2e%2e%2f",
    "+",
    "%20",
    "%0d%0a",
    "&a=b",
)


def payloads(others: tuple[str, ...]) -> list[str]:
    """All of them, each once, in one order. `others`: ids and names of another tenant."""
    injected = [f"{quote_}{text}{end}" for quote_, text, end in product(QUOTES, SQL, ENDS[:4])]
    short = [f"{quote_}{end}" for quote_, end in product(QUOTES, ENDS)]
    aimed = [
        f"{before}{other}{after}"
        for other in others
        for before, after in (("", ""), ("'", "'--"), ("%", "%"), ('"', '"'), (" ", " "), ("{", "}"), ("", "\0"))
    ]
    plain = [*WORDS, *FORMATS, *JSON, *UNICODE, *LONG, *ENCODED, *short, *aimed]
    wrapped = [f"x{text}" for text in (*FORMATS, *JSON, *UNICODE)] + [f"{text}'" for text in WORDS]
    coded = [base64.urlsafe_b64encode(text.encode()).decode() for text in (*SQL, *JSON)]
    coded += [quote(text) for text in SQL]
    return list(dict.fromkeys([*plain, *wrapped, *coded, *injected]))
