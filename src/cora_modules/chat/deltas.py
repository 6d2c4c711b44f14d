"""`Deltas`: the parts of an answer, read in a thread so that the reader can stop at any time."""

import contextvars
import threading
from collections.abc import Callable, Iterator
from queue import Empty, SimpleQueue

from org_common import Deadline

from cora_modules.ai.provider import ProviderError, Reply

POLL_S = 0.5
"""How often an iteration without a part yields None. Python cannot interrupt a thread that waits for a provider."""


class Deltas:
    """The parts of an answer as they arrive, and None while there is none: a stream learns there of a hang-up.

    Close it: the thread then closes the connection to the provider, at the latest when the next part arrives.
    """

    def __init__(self, begin: Callable[[], Reply], deadline: Deadline) -> None:
        """`begin` starts the answer, in the thread. Iterating raises what it raises; ProviderError at the deadline."""
        self.reply: Reply | None = None
        """The answer, once it has begun."""
        self._begin = begin
        self._deadline = deadline
        self._parts: SimpleQueue[str | BaseException | None] = SimpleQueue()
        self._is_closed = False

    def __iter__(self) -> Iterator[str | None]:
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._read,), name="chat-answer", daemon=True).start()
        while True:
            left_s = self._deadline.left_s()
            if left_s <= 0:
                raise ProviderError("timeout", "the deadline of the request has passed")
            try:
                part = self._parts.get(timeout=min(POLL_S, left_s))
            except Empty:
                yield None
                continue
            if part is None:
                return
            if isinstance(part, BaseException):
                raise part
            yield part

    def close(self) -> None:
        """Stop reading. What has arrived is dropped."""
        self._is_closed = True

    def _read(self) -> None:
        try:
            self.reply = reply = self._begin()
            try:
                for delta in reply.deltas:
                    if self._is_closed:
                        break
                    self._parts.put(delta)
            finally:
                reply.close()
            self._parts.put(None)
        except BaseException as error:  # noqa: BLE001 - raised where the parts are read
            self._parts.put(error)
