"""Connection strings of libpq: parse and write them.

psycopg's own `conninfo` module does the same, and imports asyncio for its other half.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from psycopg.pq import Conninfo


def parse(text: str) -> dict[str, str]:
    """The parameters of a URL or of `key=value` pairs. Raises psycopg's `OperationalError` for an invalid string."""
    options = Conninfo.parse(text.encode())
    return {option.keyword.decode(): option.val.decode() for option in options if option.val is not None}


def write(parameters: Mapping[str, str | int]) -> str:
    """The `key=value` pairs, quoted as libpq reads them (PostgreSQL documentation, section 34.1.1.1)."""
    return " ".join(f"{name}={_quoted(str(value))}" for name, value in parameters.items())


def _quoted(value: str) -> str:
    escaped = re.sub(r"([\\'])", r"\\\1", value)
    return f"'{escaped}'" if not value or re.search(r"\s", value) else escaped
