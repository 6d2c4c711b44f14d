"""The trace context of a request, in W3C and X-Ray headers.

https://www.w3.org/TR/trace-context/,
https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
"""

from __future__ import annotations

import os

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

# Lambda's runtime sets it for each invocation.
XRAY_VARIABLE = "_X_AMZN_TRACE_ID"
TRACEPARENT = "traceparent"
XRAY_HEADER = "x-amzn-trace-id"
_HEX = "0123456789abcdef"


class Trace:
    """The trace context of one request. Ids are in W3C's form; X-Ray's have the same digits, with hyphens."""

    __slots__ = ("caller_id", "caller_span_id", "is_continued", "parent_id", "sampled", "trace_id")

    trace_id: str
    """32 hexadecimal digits."""
    parent_id: str | None
    """The caller's span, 16 hexadecimal digits; None if the trace begins here, or the caller has no span."""
    is_continued: bool
    """True if the trace id comes from a header. A load balancer and API Gateway send one without a parent."""
    sampled: bool | None
    """The sampling decision; None if there is none yet."""
    caller_id: str | None
    """The trace id in the caller's header, if it differs from that of Lambda."""
    caller_span_id: str | None
    """The span in that header."""

    def __init__(
        self,
        trace_id: str,
        parent_id: str | None = None,
        *,
        sampled: bool | None = None,
        caller_id: str | None = None,
        is_continued: bool = False,
    ) -> None:
        self.trace_id = trace_id
        self.parent_id = parent_id
        self.sampled = sampled
        self.caller_id = caller_id
        self.caller_span_id = None
        self.is_continued = is_continued or parent_id is not None

    @classmethod
    def of(cls, headers: Mapping[str, str], environ: Mapping[str, str] = os.environ) -> Trace:
        """The trace of Lambda, else that in the request's headers, else a new one.

        Lambda's takes precedence: it has the segments of the platform, and a caller cannot forge it.
        """
        traceparent = headers.get(TRACEPARENT)
        w3c = None if traceparent is None else from_traceparent(traceparent)
        xray_header = environ.get(XRAY_VARIABLE) or headers.get(XRAY_HEADER)
        xray = None if xray_header is None else from_xray(xray_header)
        if xray is None:
            return w3c or cls(os.urandom(16).hex())
        if w3c is not None and w3c.trace_id != xray.trace_id:
            xray.caller_id, xray.caller_span_id = w3c.trace_id, w3c.parent_id
        elif w3c is not None and xray.parent_id is None:
            xray.parent_id = w3c.parent_id
            xray.sampled = w3c.sampled if xray.sampled is None else xray.sampled
        return xray

    def traceparent(self, span_id: str) -> str:
        """The W3C header for a call from this span."""
        return f"00-{self.trace_id}-{span_id}-{'01' if self.sampled else '00'}"

    def xray(self, span_id: str) -> str:
        """The X-Ray header for a call from this span."""
        decision = "" if self.sampled is None else f";Sampled={int(self.sampled)}"
        return f"Root=1-{self.trace_id[:8]}-{self.trace_id[8:]};Parent={span_id}{decision}"


def from_traceparent(text: str) -> Trace | None:
    """Parse a W3C traceparent; None if it is invalid. Of a later version only the fields of version 00 are read."""
    version, _, rest = text.partition("-")
    fields = rest.split("-")
    if not _is_hex(version, 2) or version == "ff" or len(fields) < 3 or (version == "00" and len(fields) > 3):
        return None
    trace_id, parent_id, flags = fields[:3]
    if not (_is_id(trace_id, 32) and _is_id(parent_id, 16) and _is_hex(flags, 2)):
        return None
    return Trace(trace_id, parent_id, sampled=bool(int(flags, 16) & 1))


def from_xray(text: str) -> Trace | None:
    """Parse an X-Ray header with Root, Parent and Sampled in any order; None without a valid Root."""
    root = _value(text, "Root=")
    trace_id = root[2:10] + root[11:]
    if not (root[:2] == "1-" and root[10:11] == "-" and _is_id(trace_id, 32)):
        return None
    parent, sampled = _value(text, "Parent="), _value(text, "Sampled=")
    is_sampled = True if sampled == "1" else False if sampled == "0" else None
    return Trace(trace_id, parent if _is_id(parent, 16) else None, sampled=is_sampled, is_continued=True)


def _value(text: str, name: str) -> str:
    """The value of one field, by search: 1 us for each request instead of 3 for parsing all."""
    at = text.find(name)
    if at < 0 or (at > 0 and text[at - 1] not in "; "):
        return ""
    end = text.find(";", at)
    return text[at + len(name) : end if end >= 0 else None].rstrip()


def _is_hex(text: str, length: int) -> bool:
    return len(text) == length and not text.strip(_HEX)


def _is_id(text: str, length: int) -> bool:
    return _is_hex(text, length) and text.strip("0") != ""
