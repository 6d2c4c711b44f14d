"""One proxied connection: its two sockets and the bytes on the way between them."""

import asyncio
import random
import socket
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, cast

from tests.support.wire import Counters, Session

HELD_BYTES = 4 << 20  # on the way, each direction; then the sender waits as for a full TCP window
SLICE_S = 0.02  # a limited bandwidth is delivered in slices of this length
FIN = b""  # the end of a stream, on the way like bytes

Direction = Literal["sent", "received"]


class Cut(NamedTuple):
    """A fault that waits for SQL with `text` (lower case)."""

    when: Literal["before", "after"]
    text: str
    reset: bool


@dataclass
class Faults:
    """What happens to connections at present; nothing, at first."""

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bandwidth_bytes_s: int = 0
    frozen: bool = False
    refusing: bool = False
    cut: Cut | None = None
    byte_limits: dict[Direction, int] = field(default_factory=dict)


class Link:
    """A client's connection and the upstream one; lives on the proxy's loop."""

    def __init__(self, upstream: tuple[str, int], faults: Faults, counters: Counters, links: set["Link"]) -> None:
        self._upstream = upstream
        self._faults = faults
        self._counters = counters
        self._links = links
        self._session = Session(counters)
        self.client = Side(self._accepted, self._client_sent, self._lost)
        self._server = Side(self._opened, self._server_sent, self._lost)
        self._up = Line(faults, self.client, self._server, self._deliver_up)
        self._down = Line(faults, self._server, self.client, self._deliver_down)
        self._lines = {self.client: self._up, self._server: self._down}
        self._cut_at = 0  # the request whose answer an "after" cut waits for
        self._cut_reset = False
        self._kept = b""  # the start of a batch that a "before" cut may yet stop
        self._torn = False  # a peer sent RST
        self._opening: asyncio.Task[None] | None = None

    def close(self, *, reset: bool) -> None:
        """End both sides now; bytes on the way are lost."""
        if self._opening:
            self._opening.cancel()
        for line in self._lines.values():
            line.clear()
        self.client.close(reset=reset)
        self._server.close(reset=reset)

    def flush(self) -> None:
        """Deliver what is due, after a thaw."""
        self._up.flush()
        self._down.flush()

    def _accepted(self) -> None:
        self._counters.connections += 1
        self._links.add(self)
        if self._faults.refusing:
            self.client.close(reset=True)
            return
        self.client.transport.pause_reading()
        self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            await loop.create_connection(lambda: self._server, *self._upstream)
        except OSError:
            self.close(reset=True)

    def _opened(self) -> None:
        self._opening = None
        self.client.transport.resume_reading()

    def _client_sent(self, data: bytes) -> None:
        self._counters.sent_bytes += len(data)
        if self._is_cut(data):
            return
        self._kept += data
        cut = self._faults.cut
        if data and cut and cut.when == "before" and self._session.mid_request:
            return  # the rest of the batch may bring the text
        kept, self._kept = self._kept, b""
        if kept:
            self._up.put(kept)
        if data == FIN:
            self._up.put(FIN)

    def _is_cut(self, data: bytes) -> bool:
        messages = self._session.sent(data)
        cut = self._faults.cut
        request = next((m.request for m in messages if cut and cut.text in m.text.lower()), 0)
        if not cut or not request:
            return False
        self._faults.cut = None
        if cut.when == "before":
            self.close(reset=cut.reset)
            return True
        self._cut_at, self._cut_reset = request, cut.reset
        return False

    def _server_sent(self, data: bytes) -> None:
        self._down.put(data)

    def _deliver_up(self, data: bytes) -> None:
        if data == FIN:
            self.close(reset=self._torn)
        else:
            self._forward("sent", data, self._server)

    def _deliver_down(self, data: bytes) -> None:
        # Counted here, not on arrival: an answer still on its way has not reached the client.
        self._session.received(data)
        if data == FIN:
            self.close(reset=self._torn)
        elif not self._cut_at:
            self._forward("received", data, self.client)
        elif self._session.answered >= self._cut_at:
            self.close(reset=self._cut_reset)

    def _forward(self, direction: Direction, data: bytes, target: "Side") -> None:
        limits = self._faults.byte_limits
        limit = limits.pop(direction, None)
        passing = data[:limit]
        if direction == "received":
            self._counters.received_bytes += len(passing)
        target.write(passing)
        if limit is not None and limit <= len(data):
            self.close(reset=False)
        elif limit is not None:
            limits[direction] = limit - len(data)

    def _lost(self, side: "Side", error: Exception | None) -> None:
        if error:
            self._torn = True
            self._lines[side].put(FIN)
        if self.client.is_gone and self._server.is_gone:
            self._links.discard(self)


class Side(asyncio.Protocol):
    """One of the two sockets of a link."""

    def __init__(
        self,
        ready: Callable[[], None],
        arrived: Callable[[bytes], None],
        lost: Callable[["Side", Exception | None], None],
    ) -> None:
        self._ready = ready
        self._arrived = arrived
        self._lost = lost
        self.on_pressure: Callable[[], None] = lambda: None
        self.is_full = False
        self.is_gone = True
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio sets TCP_NODELAY by itself."""
        self.transport = cast("asyncio.Transport", transport)
        self.is_gone = False
        self._ready()

    def data_received(self, data: bytes) -> None:
        """Bytes from the peer."""
        self._arrived(data)

    def eof_received(self) -> bool:
        """Stay open: the end takes its turn behind the bytes on the way."""
        self._arrived(FIN)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """`exc` is None when we closed."""
        self.is_gone = True
        self._lost(self, exc)

    def pause_writing(self) -> None:
        """The peer does not read."""
        self.is_full = True
        self.on_pressure()

    def resume_writing(self) -> None:
        """The peer reads again."""
        self.is_full = False
        self.on_pressure()

    def write(self, data: bytes) -> None:
        """Send, if there is still somebody."""
        if not self.is_gone and not self.transport.is_closing():
            self.transport.write(data)

    def close(self, *, reset: bool) -> None:
        """FIN behind the bytes already written, or RST at once."""
        if self.is_gone:
            return
        if not reset:
            self.transport.close()
            return
        tcp: socket.socket = self.transport.get_extra_info("socket")
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Line:
    """One direction of a link: bytes wait here for latency, bandwidth and a thaw."""

    def __init__(self, faults: Faults, source: Side, target: Side, deliver: Callable[[bytes], None]) -> None:
        self._faults = faults
        self._source = source
        self._target = target
        self._deliver = deliver
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._waiting_bytes = 0
        self._sent_at = 0.0  # when the last byte has passed the limited bandwidth
        self._due_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        target.on_pressure = self._regulate

    def put(self, data: bytes) -> None:
        """Deliver `data` behind what waits, at once if nothing asks to wait."""
        faults = self._faults
        slow = faults.latency_s or faults.jitter_s or faults.bandwidth_bytes_s
        if not (self._waiting or faults.frozen or slow):
            self._deliver(data)
            return
        size = max(1, int(faults.bandwidth_bytes_s * SLICE_S) or len(data))
        for start in range(0, max(1, len(data)), size):
            self._wait(data[start : start + size])
        self.flush()

    def flush(self) -> None:
        """Deliver what is due and come back for the rest."""
        loop = asyncio.get_running_loop()
        if self._timer:
            self._timer.cancel()
        while self._waiting and not self._faults.frozen and self._waiting[0][0] <= loop.time():
            data = self._waiting.popleft()[1]
            self._waiting_bytes -= len(data)
            self._deliver(data)
        if self._waiting and not self._faults.frozen:
            self._timer = loop.call_at(self._waiting[0][0], self.flush)
        self._regulate()

    def clear(self) -> None:
        """Lose what waits."""
        self._waiting.clear()
        self._waiting_bytes = 0

    def _wait(self, data: bytes) -> None:
        faults = self._faults
        self._sent_at = max(self._sent_at, asyncio.get_running_loop().time())
        if faults.bandwidth_bytes_s:
            self._sent_at += len(data) / faults.bandwidth_bytes_s
        delay_s = faults.latency_s + random.uniform(0, faults.jitter_s)
        self._due_at = max(self._due_at, self._sent_at + delay_s)
        self._waiting.append((self._due_at, data))
        self._waiting_bytes += len(data)

    def _regulate(self) -> None:
        if self._source.is_gone or self._target.is_gone:
            return
        if self._waiting_bytes > HELD_BYTES or self._target.is_full:
            self._source.transport.pause_reading()
        else:
            self._source.transport.resume_reading()
