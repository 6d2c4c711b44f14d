"""Candidates for the values of a column, from its type, its domain and the CHECK constraints that name it."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Sequence

from org_common.tools.prove.catalog import Column

NAMESPACE = uuid.UUID("5eed0000-0000-4000-8000-000000000000")
STRING = re.compile(r"'((?:[^']|'')*)'")
NUMBER = re.compile(r"(?<![\w.'])-?\d+(?:\.\d+)?(?![\w.'])")
REGEX = re.compile(r"~\*? (?:E)?'((?:[^']|'')*)'(?:::text)?")
POSIX = {
    "[:alpha:]": "a-zA-Z",
    "[:alnum:]": "a-zA-Z0-9",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:upper:]": "A-Z",
    "[:space:]": " ",
    "[:cntrl:]": r"\x00-\x1f",
}
LENGTHS = (12, 3, 2, 40, 1, 64)

Value = str | None
"""A value as the text that its type reads, or None for null."""


def candidates(column: Column, checks: Sequence[str], seed: str, *, is_unique: bool = False) -> list[Value]:
    """Values to try, the most telling first. `seed` is another string for each row, so values of a row are its own.

    `checks` are the conditions that name the column. The server judges the values: a candidate may violate a check. For
    a column of a unique key, numbers of this row come first.
    """
    texts = [*checks, *column.checks]
    found: list[Value] = list(column.labels)
    if is_unique and _is_number(column.base):
        found.append(str(marker(seed).int % 9000 + 100))
    found += _matching(texts, seed)
    found += _literals(column, texts)
    found += _of_type(column.base, seed)
    if not column.is_required:
        found.append(None)
    return [*dict.fromkeys(found)]


def marker(seed: str) -> uuid.UUID:
    """An id that belongs to one row, and appears nowhere by chance."""
    return uuid.uuid5(NAMESPACE, seed)


def unused(column: Column, seed: str) -> Value:
    """A value of the column's type that no row of the proof has: a key that is missing."""
    if _is_number(column.base):
        return str(marker(seed).int % 9000 + 20000)
    return next(iter(_of_type(column.base, seed)), str(marker(seed)))


def _literals(column: Column, checks: Sequence[str]) -> Iterator[Value]:
    """The strings and numbers that a condition compares with, and the numbers next to them."""
    for check in checks:
        without_regex = REGEX.sub("", check)
        if _is_text(column.base):
            yield from (match[1].replace("''", "'") for match in STRING.finditer(without_regex))
        elif _is_number(column.base):
            numbers = [match[0] for match in NUMBER.finditer(re.sub(r"'(-?[\d.]+)'", r"\1", without_regex))]
            yield from numbers
            yield from (str(int(each) + step) for each in numbers if each.lstrip("-").isdigit() for step in (1, -1))


def _matching(checks: Sequence[str], seed: str) -> Iterator[Value]:
    """Strings that match the regular expressions of the checks."""
    for check in checks:
        for match in REGEX.finditer(check):
            yield from _from_regex(match[1].replace("''", "'"), seed)


def _from_regex(pattern: str, seed: str) -> list[str]:
    """Draws of Hypothesis, the same in each run. Without classes that are Unicode in Python and ASCII in PostgreSQL."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded
    from hypothesis import strategies as st

    for posix, ranges in POSIX.items():
        pattern = pattern.replace(posix, ranges)
    pattern = pattern.replace(r"\d", "[0-9]").replace(r"\w", "[a-zA-Z0-9_]").replace(r"\m", r"\b").replace(r"\M", r"\b")
    drawn: list[str] = []
    try:
        strategy = st.from_regex(pattern, fullmatch=True)

        @seeded(int(marker(f"{seed} {pattern}")))
        @settings(max_examples=8, database=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow])
        @given(strategy)
        def collect(text: str) -> None:
            drawn.append(text)

        collect()
    except re.error:
        return []
    # The longest first: short ones collide, and a short draw is often the empty string. Of one length the last in the
    # alphabet, as the simplest draw, "aaa", is the same for all rows.
    usable = {text for text in drawn if "\0" not in text and len(text) < 200}
    return sorted(usable, key=lambda text: (len(text), text), reverse=True)


def _of_type(base: str, seed: str) -> list[Value]:
    name = base.partition("(")[0].removeprefix("public.").removeprefix("pg_catalog.")
    if base.endswith("[]"):
        return ["{}", *(f"{{{each}}}" for each in _of_type(base.removesuffix("[]"), seed)[:1])]
    digest = marker(seed)
    number = digest.int % 9000 + 100
    if _is_text(base):
        text = f"{re.sub(r'[^a-z0-9]+', '-', seed.lower())}-{digest.hex}"
        limit = int(found[1]) if (found := re.search(r"\((\d+)\)", base)) else 200
        short = (f"x{digest.hex[: length - 1]}"[:limit] for length in LENGTHS)
        return [*short, text[:limit], f"{digest.hex[:8]}@example.com"]
    if _is_number(base):
        return ["1", str(number), "0", "100", "0.5"]
    if name == "vector":
        dimensions = int(found[1]) if (found := re.search(r"\((\d+)\)", base)) else 3
        return ["[" + ",".join(["1"] * dimensions) + "]"]
    return [*_OTHERS.get(name, lambda _: ["", "{}", "0", "1"])(digest)]


def _is_text(base: str) -> bool:
    return base.partition("(")[0] in ("text", "character varying", "character", "citext", "name", "public.citext")


def _is_number(base: str) -> bool:
    return base.partition("(")[0] in ("smallint", "integer", "bigint", "numeric", "real", "double precision", "money")


_SECOND = "2026-01-02 03:04:05"
_OTHERS = {
    "uuid": lambda digest: [str(digest)],
    "boolean": lambda digest: ["true", "false"],
    "timestamp with time zone": lambda digest: [f"{_SECOND}+00", "2999-01-02 03:04:05+00"],
    "timestamp without time zone": lambda digest: [_SECOND, "2999-01-02 03:04:05"],
    "date": lambda digest: ["2026-01-02", "2999-01-02"],
    "time without time zone": lambda digest: ["03:04:05"],
    "time with time zone": lambda digest: ["03:04:05+00"],
    "interval": lambda digest: ["1 day"],
    "json": lambda digest: ["{}", "[]", '""'],
    "jsonb": lambda digest: ["{}", "[]", '""'],
    "bytea": lambda digest: [f"\\x{digest.hex}{digest.hex}", f"\\x{digest.hex}", "\\x"],
    "inet": lambda digest: ["192.0.2.1"],
    "cidr": lambda digest: ["192.0.2.0/24"],
    "macaddr": lambda digest: ["08:00:2b:01:02:03"],
    "bit": lambda digest: ["1"],
    "bit varying": lambda digest: ["1"],
    "xml": lambda digest: ["<a/>"],
    "tsvector": lambda digest: ["a"],
    "tsquery": lambda digest: ["a"],
    "point": lambda digest: ["(0,0)"],
    "int4range": lambda digest: ["[1,2)"],
    "int8range": lambda digest: ["[1,2)"],
    "numrange": lambda digest: ["[1,2)"],
    "daterange": lambda digest: ["[2026-01-01,2026-01-02)"],
    "tstzrange": lambda digest: ["[2026-01-01 00:00+00,2026-01-02 00:00+00)"],
    "tsrange": lambda digest: ["[2026-01-01 00:00,2026-01-02 00:00)"],
    "ltree": lambda digest: ["a"],
    "hstore": lambda digest: [""],
}
