"""The trace of a request: read from W3C and X-Ray headers, and passed on.

https://www.w3.org/TR/trace-context/,
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import os

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

# Set by Lambda's runtime with each invocation.
XRAY_VARIABLE = "_X_AMZN_TRACE_ID"
TRACEPARENT = "traceparent"
XRAY_HEADER = "x-amzn-trace-id"
_HEX = "0123456789abcdef"


class Trace:
    """Where a request is within a trace. Ids are those of W3C; X-Ray's are the same digits, with hyphens.

    `parent_id` is the span that called us, None where a trace begins. `sampled` is None where nobody has decided.
    `caller_id` is the trace that the caller named, where Lambda's own is another.
    """

    __slots__ = ("caller_id", "parent_id", "sampled", "trace_id")

    def __init__(
        self, trace_id: str, parent_id: str | None = None, *, sampled: bool | None = None, caller_id: str | None = None
    ) -> None:
        self.trace_id = trace_id
        self.parent_id = parent_id
        self.sampled = sampled
        self.caller_id = caller_id

    @classmethod
    def of(cls, headers: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Trace:
        """That of Lambda, else the one that the request names, else a new one.

        Lambda's comes first: the platform's own segments are in it, and no caller can make it up.
        """
        sent = headers.get(TRACEPARENT)
        named = None if sent is None else from_traceparent(sent)
        own = environ.get(XRAY_VARIABLE) or headers.get(XRAY_HEADER)
        xray = None if own is None else from_xray(own)
        if xray is None:
            return named or cls(os.urandom(16).hex())
        if named is not None and named.trace_id != xray.trace_id:
            xray.caller_id = named.trace_id
        return xray

    def traceparent(self, span_id: str) -> str:
        return f"00-{self.trace_id}-{span_id}-{'01' if self.sampled else '00'}"

    def xray(self, span_id: str) -> str:
        decided = "" if self.sampled is None else f";Sampled={int(self.sampled)}"
        return f"Root=1-{self.trace_id[:8]}-{self.trace_id[8:]};Parent={span_id}{decided}"


def from_traceparent(text: str) -> Trace | None:
    """None for what is no traceparent; of a later version what this one knows."""
    version, _, rest = text.partition("-")
    fields = rest.split("-")
    if not _is_hex(version, 2) or version == "ff" or len(fields) < 3 or (version == "00" and len(fields) > 3):
        return None
    trace_id, parent_id, flags = fields[:3]
    if not (_is_id(trace_id, 32) and _is_id(parent_id, 16) and _is_hex(flags, 2)):
        return None
    return Trace(trace_id, parent_id, sampled=bool(int(flags, 16) & 1))


def from_xray(text: str) -> Trace | None:
    """Root, Parent and Sampled in any order; None without a Root that is one."""
    root = _value(text, "Root=")
    trace_id = root[2:10] + root[11:]
    if not (root[:2] == "1-" and root[10:11] == "-" and _is_id(trace_id, 32)):
        return None
    parent, sampled = _value(text, "Parent="), _value(text, "Sampled=")
    is_sampled = True if sampled == "1" else False if sampled == "0" else None
    return Trace(trace_id, parent if _is_id(parent, 16) else None, sampled=is_sampled)


def _value(text: str, name: str) -> str:
    """Found and not parsed: with each request, 1 us instead of 3."""
    at = text.find(name)
    if at < 0 or (at > 0 and text[at - 1] not in "; "):
        return ""
    end = text.find(";", at)
    return text[at + len(name) : end if end >= 0 else None].rstrip()


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and not text.strip(_HEX)


def _is_id(text: str, length: int) -> bool:
    return _is_hex(text, length) and text.strip("0") != ""
