"""Keeps the SDK's log lines written and masked, whatever other code does to stdlib's logging.

`logging.config` disables each logger that exists and may replace the root's handlers; `basicConfig(force=True)` does
replace them. Both are usual, and both happen after the app was made.
"""

from __future__ import annotations

import logging

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN = "org_common"
MASKED = "_org_common_masked"
_root = logging.getLogger()
_own = logging.getLogger(OWN)


class MaskingHandler(logging.Handler):
    """A handler that can mask records for others."""

    def mask(self, record: logging.LogRecord) -> None:
        """Mask the record in place: message, `extra` fields and exception, without values."""
        raise NotImplementedError


class Attachment:
    """The place of one handler among stdlib's loggers. `loggers` are the names of those that it writes for."""

    __slots__ = ("_handler", "_loggers", "_seen")

    def __init__(self, handler: MaskingHandler, loggers: Iterable[str]) -> None:
        self._handler = handler
        self._loggers = loggers
        self._seen: list[logging.Handler] = []

    def ensure(self) -> None:
        """Mend what was changed since the last call. 0.1 us when nothing was, which is why each request can ask."""
        if _own.disabled or _root.handlers != self._seen:
            self._mend()

    def _mend(self) -> None:
        handler = self._handler
        for name in [*_named(OWN), *self._loggers]:
            # A level or `propagate` is a choice. Disabled is each logger that existed.
            logging.getLogger(name).disabled = False
        is_on_root = handler in _root.handlers
        for name in {OWN, *self._loggers}:
            if not _is_below(name, {OWN, *self._loggers}):
                _attach(logging.getLogger(name), handler, attach=not is_on_root)
        for other in _root.handlers:
            if other is not handler and not _is_of_pytest(other) and not any(map(_is_masking, other.filters)):
                other.addFilter(Masking(handler))
        self._seen = [*_root.handlers]

    def remove(self) -> None:
        """Undo everything."""
        for name in {OWN, *self._loggers}:
            logging.getLogger(name).removeHandler(self._handler)
        for other in _root.handlers:
            for masking in [*filter(_is_masking, other.filters)]:
                other.removeFilter(masking)


class Masking(logging.Filter):
    """Masks records for another handler: message, `extra` fields and exception."""

    def __init__(self, handler: MaskingHandler) -> None:
        super().__init__()
        self._handler = handler

    def filter(self, record: logging.LogRecord) -> bool:
        """True, with the record changed in place: Python 3.11 has no other way."""
        if getattr(record, MASKED, False):
            return True
        try:
            self._handler.mask(record)
        except RecursionError:
            raise
        except Exception:  # noqa: BLE001 - a record that cannot be masked must not be written
            return False
        setattr(record, MASKED, True)
        return True


def _attach(logger: logging.Logger, handler: logging.Handler, *, attach: bool) -> None:
    if attach and handler not in logger.handlers:
        logger.addHandler(handler)
    elif not attach and handler in logger.handlers:
        logger.removeHandler(handler)


def _named(prefix: str) -> list[str]:
    return [name for name in _root.manager.loggerDict if name == prefix or name.startswith(f"{prefix}.")]


def _is_below(name: str, names: set[str]) -> bool:
    """Whether the records of this logger reach another one of these."""
    parts = name.split(".")
    return any(".".join(parts[:at]) in names for at in range(1, len(parts)))


def _is_masking(each: object) -> bool:
    return isinstance(each, Masking)


def _is_of_pytest(handler: logging.Handler) -> bool:
    """Tests compare the arguments of records."""
    return type(handler).__module__.startswith("_pytest.")
