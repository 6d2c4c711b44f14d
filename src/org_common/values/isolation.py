"""Isolation levels of a transaction, as PostgreSQL names them."""

from typing import Literal, get_args

Isolation = Literal["read committed", "repeatable read", "serializable"]

DEFAULT_ISOLATION: Isolation = "read committed"
ISOLATIONS: tuple[Isolation, ...] = get_args(Isolation)
