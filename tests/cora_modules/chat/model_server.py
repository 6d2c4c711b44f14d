"""A model that speaks OpenAI's protocol, and says the rest of its answer when a test lets it."""

import threading
from collections.abc import Iterator, Sequence

from tests.cora_modules.ai.protocols.frames import DONE, chunk, usage
from tests.cora_modules.ai.protocols.server import Answer, End

EVENTS = {"content-type": "text/event-stream"}
FINISH = (chunk(reason="stop"), usage(), DONE)


class Gated(Sequence[bytes]):
    """Parts of an answer: some at once, and the others when `rest` is set."""

    def __init__(self, first: Sequence[bytes], then: Sequence[bytes]) -> None:
        self.rest = threading.Event()
        self._first = first
        self._then = then

    def __iter__(self) -> Iterator[bytes]:
        yield from self._first
        assert self.rest.wait(60)
        yield from self._then

    def __len__(self) -> int:
        return len(self._first) + len(self._then)

    def __getitem__(self, at: object) -> bytes:  # type: ignore[override]  # only iterated over
        raise NotImplementedError


def says(*words: str, end: End = "complete", finish: Sequence[bytes] = FINISH) -> Answer:
    """An answer of these words. With another `end`, what it finishes with is not sent."""
    return Answer([*map(chunk, words), *(finish if end == "complete" else ())], headers=EVENTS, end=end)


def gated(first: Sequence[str], then: Sequence[str]) -> tuple[Gated, Answer]:
    """An answer whose second part waits."""
    parts = Gated([chunk(word) for word in first], [*[chunk(word) for word in then], *FINISH])
    return parts, Answer(parts, headers=EVENTS)
