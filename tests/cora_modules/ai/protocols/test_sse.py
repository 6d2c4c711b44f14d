from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cora_modules.ai.protocols.sse import MAX_BYTES, read_data
from cora_modules.ai.provider import ProviderError

STREAM = b"\xef\xbb\xbfdata: a\r\ndata:b\r\r: comment\n\nid: 7\n\nevent: x\ndata:  c\n\ndata\n\ndata: lost\n"
DATA = ["a\nb", " c", ""]


@given(st.lists(st.integers(min_value=0, max_value=len(STREAM))))
def test_chunks_may_end_anywhere(cuts: list[int]) -> None:
    at = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[start:end] for start, end in pairwise(at)]

    assert list(read_data(chunks)) == DATA


@pytest.mark.parametrize(
    ("stream", "data"),
    [
        (b"", []),
        (b"\n\n\n", []),
        (b"data: a", []),
        (b"data: a\n", []),
        (b"data: a\n\n", ["a"]),
        (b"data: a\r\r", ["a"]),
        (b"data: a\r\n\r\n", ["a"]),
        (b"data: a\n\r", ["a"]),
        ("data: \u2028\u0085\x0b\x0c\n\n".encode(), ["\u2028\u0085\x0b\x0c"]),
        (b"data: \xff\n\n", ["\ufffd"]),
        (b"retry: 5\n\n", []),
        (b"dataset: a\n\n", []),
        (b" data: a\n\n", []),
    ],
)
def test_events(stream: bytes, data: list[str]) -> None:
    assert list(read_data([stream])) == data


def test_event_is_returned_before_the_next_chunk() -> None:
    chunks = iter([b"data: a\n\n", b"data: b\n\n"])

    assert next(read_data(chunks)) == "a"
    assert next(chunks) == b"data: b\n\n"


@pytest.mark.parametrize("chunk", [b"data: ", b"data:\n", b": "])
def test_event_without_end_is_refused(chunk: bytes) -> None:
    with pytest.raises(ProviderError):
        list(read_data([chunk * (MAX_BYTES // 4), b"x" * MAX_BYTES] * 2))
