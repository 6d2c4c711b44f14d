"""Why a file cannot be processed."""

from typing import Literal

Reason = Literal[
    "changed", "empty", "encrypted", "malformed", "missing", "no_text", "scanned", "too_large", "wrong_type"
]


class BadFile(Exception):
    """A file that no further attempt can process. `reason` is for programs, the text for the user."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
