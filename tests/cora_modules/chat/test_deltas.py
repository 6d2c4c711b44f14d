import threading
from collections.abc import Iterator

import pytest

from cora_modules.ai.provider import ProviderError, Reply
from cora_modules.chat.deltas import Deltas
from org_common import Deadline

LATER = Deadline.after(24 * 3600)


def test_parts_arrive_in_order() -> None:
    assert list(Deltas(lambda: Reply(iter(["a", "b"])), LATER)) == ["a", "b"]


def test_error_of_the_provider_is_raised_after_what_it_sent() -> None:
    def parts() -> Iterator[str]:
        yield "a"
        raise ProviderError("cut", "gone")

    received: list[str | None] = []
    with pytest.raises(ProviderError, match="gone"):
        received.extend(iter(Deltas(lambda: Reply(parts()), LATER)))

    assert received == ["a"]


def test_error_of_the_beginning_is_raised() -> None:
    def refuse() -> Reply:
        raise ProviderError("refused", "no")

    with pytest.raises(ProviderError, match="no"):
        list(Deltas(refuse, LATER))


def test_none_while_the_provider_is_silent() -> None:
    more = threading.Event()

    def parts() -> Iterator[str]:
        assert more.wait(30)
        yield "a"

    items = iter(Deltas(lambda: Reply(parts()), LATER))
    assert next(items) is None
    more.set()
    assert [item for item in items if item is not None] == ["a"]


def test_silence_ends_at_the_deadline() -> None:
    over = threading.Event()

    def parts() -> Iterator[str]:
        over.wait(30)
        yield "a"

    with pytest.raises(ProviderError) as raised:
        list(Deltas(lambda: Reply(parts()), Deadline.after(0.05)))
    over.set()

    assert raised.value.kind == "timeout"


def test_closing_ends_the_call_of_the_provider() -> None:
    closed, second = threading.Event(), threading.Event()

    def parts() -> Iterator[str]:
        try:
            yield "a"
            assert second.wait(30)
            yield "b"
            yield "never asked for"
        finally:
            closed.set()

    deltas = Deltas(lambda: Reply(parts()), LATER)
    assert next(iter(deltas)) == "a"
    deltas.close()
    second.set()

    assert closed.wait(30)
