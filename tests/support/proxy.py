"""TCP proxy in front of PostgreSQL or a pooler: counts round_trips, shows the SQL, injects faults.

Its kernel acknowledges what it reads, so a client's TCP timeouts never fire through it; real packet
loss needs nftables in a network namespace. It lives in the test's process: a client that waits in C
with the GIL (psycopg's `pgconn.get_result`, called by hand) waits for ever.
"""

import asyncio
import socket
from collections.abc import Callable
from threading import Thread
from typing import Literal, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

from tests.support.link import Cut, Direction, Faults, Link
from tests.support.wire import Counters, Message

T = TypeVar("T")


class Proxy:
    """TCP proxy on 127.0.0.1:`port`, in a thread of its own; ended by `stop` or `with`.

    A round trip is one wait of a client for the server, as `tests.support.wire.Session` defines it: free
    of packets and clocks, start-up and authentication left out. Only a client that sends a second
    request without waiting makes one round trip or two, by how soon the first answer comes; with
    `slow(latency_s=...)` it is one. Cuts fire once; other faults stay until `restore`.
    """

    def __init__(self, host: str, port: int) -> None:
        self._upstream = (socket.gethostbyname(host), port)
        self._faults = Faults()
        self._counters = Counters()
        self._links: set[Link] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        listening = self._loop.create_server(self._accept, "127.0.0.1", 0, backlog=1024)
        self._server = asyncio.run_coroutine_threadsafe(listening, self._loop).result()
        self.port: int = self._server.sockets[0].getsockname()[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Reset every connection and stop listening. Harmless when called again."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def url(self, url: str) -> str:
        """The same URL through this proxy."""
        return relocated(url, self.port)

    def round_trips(self) -> int:
        """Waits for the server since `reset`, over all connections."""
        if self._counters.encrypted_bytes:
            raise RuntimeError("No round trips can be counted under TLS: connect with sslmode=disable.")
        return self._counters.round_trips

    @property
    def startup_round_trips(self) -> int:
        """Waits of connection set-up: SSLRequest, start-up packet, each password message."""
        return self._counters.startup_round_trips

    @property
    def connections(self) -> int:
        """Accepted connections since `reset`, refused ones too."""
        return self._counters.connections

    @property
    def sent_bytes(self) -> int:
        """Bytes read from clients since `reset`."""
        return self._counters.sent_bytes

    @property
    def received_bytes(self) -> int:
        """Bytes of answers on their way to clients since `reset`."""
        return self._counters.received_bytes

    def messages(self) -> list[Message]:
        """Frontend messages since `reset`, the last 100,000; what a cut kept back is among them."""
        return self._call(lambda: list(self._counters.log))

    def statements(self) -> list[str]:
        """SQL of every Parse and Query in `messages`."""
        return [message.text for message in self.messages() if message.kind in ("P", "Q")]

    def reset(self) -> None:
        """Zero all counters and forget the messages; faults stay."""
        self._call(lambda: vars(self._counters).update(vars(Counters())))

    def slow(self, *, latency_s: float = 0.0, jitter_s: float = 0.0, bandwidth_bytes_s: int = 0) -> None:
        """Delay bytes each way: by `latency_s`, up to `jitter_s` more, and a bandwidth (0: any)."""
        self._faults.latency_s = latency_s
        self._faults.jitter_s = jitter_s
        self._faults.bandwidth_bytes_s = bandwidth_bytes_s

    def refuse(self) -> None:
        """Answer new connections with RST; live ones go on."""
        self._faults.refusing = True

    def drop(self, *, reset: bool = False) -> None:
        """Close all live connections on both sides now: FIN, or RST."""
        self._on_links(lambda link: link.close(reset=reset))

    def freeze(self) -> None:
        """Hold all bytes and ends of stream while TCP stays up: a mute peer."""
        self._faults.frozen = True

    def thaw(self) -> None:
        """Deliver what `freeze` held."""
        self._faults.frozen = False
        self._on_links(Link.flush)

    def cut(self, *, when: Literal["before", "after"], text: str, reset: bool = False) -> None:
        """Close the first connection that sends SQL with `text` (any case) in a Parse or a Query.

        "before": nothing of the batch up to its Sync reaches the server. "after": the server has
        answered the whole batch and the client gets none of it.
        """
        self._faults.cut = Cut(when, text.lower(), reset)

    def cut_after_bytes(self, n: int, *, direction: Direction = "received") -> None:
        """Let `n` more bytes pass, over all connections, and close the one that has the last."""
        self._faults.byte_limits[direction] = n

    def restore(self) -> None:
        """Lift all faults; what was closed stays closed."""
        vars(self._faults).update(vars(Faults()))
        self._on_links(Link.flush)

    def _accept(self) -> asyncio.Protocol:
        return Link(self._upstream, self._faults, self._counters, self._links).client

    async def _end(self) -> None:
        self._server.close()
        for link in list(self._links):
            link.close(reset=True)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close their sockets in the loop's next round

    def _call(self, step: Callable[[], T]) -> T:
        """Run `step` on the proxy's thread, between two packets, and wait for it."""

        async def run() -> T:
            return step()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(timeout=10)

    def _on_links(self, step: Callable[[Link], None]) -> None:
        def run() -> None:
            for link in list(self._links):
                step(link)

        self._call(run)


def relocated(url: str, port: int) -> str:
    """`url` with 127.0.0.1:`port` as its address."""
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))
