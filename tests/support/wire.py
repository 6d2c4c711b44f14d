"""PostgreSQL protocol 3, read from outside: what a client asked and what it still waits for.

Message formats: PostgreSQL 18, chapter 54, "Frontend/Backend Protocol".
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

# Codes of the untyped first packet; the others are real start-ups (3.0 is 196608).
UNTYPED = {80877102: "cancel", 80877103: "ssl", 80877104: "gss"}
ENDS = "SQFH"  # Sync, Query, FunctionCall, Flush: the client may now wait for an answer
STEPS = "PBDEC"  # Parse, Bind, Describe, Execute, Close: answered at the next end
# Which step a backend message completes; a Query's T, C, I find no step at the head.
COMPLETES = {"1": "P", "2": "B", "T": "D", "n": "D", "C": "E", "I": "E", "s": "E", "3": "C"}
TLS_HANDSHAKE = b"\x16"  # first byte under sslnegotiation=direct; a start-up packet begins with 0
# Enough for every assertion; a soak test does not fill the memory.
LOG_SIZE = 100_000


class Message(NamedTuple):
    """One frontend message: its type byte, or "startup", "ssl", "gss", "cancel"."""

    kind: str
    text: str  # SQL of a Parse or a Query, else ""
    request: int  # ordinal in its connection of the end (Sync, Query, ...) that it rides with


@dataclass
class Counters:
    """What passed since the last reset, over all connections."""

    round_trips: int = 0
    startup_round_trips: int = 0
    connections: int = 0
    sent_bytes: int = 0
    received_bytes: int = 0
    encrypted_bytes: int = 0  # answered under TLS or GSS: no round trip and no message is seen there
    log: deque[Message] = field(default_factory=lambda: deque(maxlen=LOG_SIZE))


class Session:
    """One connection's conversation. Counts a round trip when the client starts to wait.

    A round trip begins with an end (Sync, Query, FunctionCall, Flush; CopyDone or CopyFail of a simple
    COPY) for which the client waits alone: every earlier end was answered before. It is answered by
    ReadyForQuery (a Flush by the completion of the steps before it or by an error; COPY FROM hands
    the word back with CopyInResponse). So neither the number of packets nor their size nor an
    answer that starts early matters. Start-up packets and passwords are start-up round trips.
    """

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._sent = bytearray()
        self._received = bytearray()
        self._owed: deque[str] = deque()  # steps and ends without an answer, oldest first
        self._asked = 0
        self._typed = False  # after the start-up packet every message has a type byte
        self._ready = False  # the first ReadyForQuery was seen
        self._byte_due = False  # SSLRequest and GSSENCRequest are answered by one bare byte
        self._copying = False  # a simple COPY FROM waits for its data
        self.answered = 0  # ends, like Message.request
        self.opaque = False
        self.mid_request = False  # the client's last message was cut short, or was not an end

    def sent(self, data: bytes) -> list[Message]:
        """Take in what the client sent; answers the messages completed by it."""
        self.opaque |= not self._typed and data[:1] == TLS_HANDSHAKE
        if self.opaque:
            return []
        self._sent += data
        messages = [self._asks(kind, body) for kind, body in self._frontend()]
        if messages:
            self.mid_request = messages[-1].kind in STEPS or messages[-1].kind == "d"
        self.mid_request = self.mid_request or bool(self._sent)
        self._counters.log.extend(messages)
        return messages

    def received(self, data: bytes) -> None:
        """Take in what the client was given; moves `answered`."""
        if self._byte_due and data:
            self._byte_due = False
            self.opaque = data[:1] in (b"S", b"G")
            data = data[1:]
        if self.opaque:
            self._counters.encrypted_bytes += len(data)
            return
        self._received += data
        for kind, _ in _frames(self._received, keep=""):
            self._answers(kind)

    def _frontend(self) -> Iterator[tuple[str, bytes]]:
        while not self._typed and len(self._sent) >= 8:
            size = int.from_bytes(self._sent[:4])
            if len(self._sent) < size:
                return
            kind = UNTYPED.get(int.from_bytes(self._sent[4:8]), "startup")
            self._typed = kind == "startup"
            self._byte_due = kind in ("ssl", "gss")
            del self._sent[:size]
            yield kind, b""
        if self._typed:
            yield from _frames(self._sent, keep="PQ")

    def _asks(self, kind: str, body: bytes) -> Message:
        request = self._asked + 1
        if not self._ready:
            self._counters.startup_round_trips += 1
        elif kind in STEPS:
            self._owed.append(kind)
        elif kind in ENDS and (kind != "H" or self._owed):
            self._counters.round_trips += self._asked == self.answered
            self._asked += 1
            self._owed.append(kind)
            self._settle()
        elif kind in "cf" and self._copying:
            self._counters.round_trips += 1
            self._copying = False
        return Message(kind, _sql(kind, body), request)

    def _answers(self, kind: str) -> None:
        if kind == "Z":
            self._ready = True
            self._copying = False
            self._pop_through("SQF")
        elif kind == "G" and self._owed and self._owed[0] == "E":
            # The Sync behind an extended COPY FROM gets no answer; one more follows CopyDone.
            self._pop_through("S")
        elif kind == "G":
            self._copying = True
        elif kind == "E":
            while self._owed and self._owed[0] not in "SQF":
                self._pop()
        elif self._owed and COMPLETES.get(kind) == self._owed[0]:
            self._pop()
        self._settle()

    def _settle(self) -> None:
        while self._owed and self._owed[0] == "H":
            self._pop()

    def _pop_through(self, ends: str) -> None:
        while self._owed and self._pop() not in ends:
            pass

    def _pop(self) -> str:
        kind = self._owed.popleft()
        self.answered += kind in ENDS
        return kind


def _frames(buffer: bytearray, *, keep: str) -> Iterator[tuple[str, bytes]]:
    """Take the complete messages off the head of `buffer`, with bodies of the kinds in `keep`."""
    start = 0
    while len(buffer) >= start + 5:
        end = start + 1 + int.from_bytes(buffer[start + 1 : start + 5])
        if len(buffer) < end:
            break
        kind = chr(buffer[start])
        yield kind, bytes(buffer[start + 5 : end]) if kind in keep else b""
        start = end
    del buffer[:start]


def _sql(kind: str, body: bytes) -> str:
    # Parse: the statement's name, then its text; Query: the text; both end with a zero byte.
    parts = body.split(b"\0")
    return parts[1 if kind == "P" else 0].decode(errors="replace") if body else ""
