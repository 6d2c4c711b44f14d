"""The rules of the HTML standard, section 9.2.6."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_common import Event
from org_common.testing.sse import EventReader, read_events


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b"data: a\n\n", [Event("a")]),
        (b"data: a\r\rdata: b\r\n\r\n", [Event("a"), Event("b")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event("a")]),
        (b"data\n\ndata:\n\ndata:  a\n\n", [Event(""), Event(""), Event(" a")]),
        (b": comment\n\n", []),
        (b"id: 7\nretry: 3\nevent: b\n\n", []),
        (b"data: incomplete\n", []),
        (b"data: a\nid: x\0y\nretry: soon\nunknown: b\n\n", [Event("a")]),
        ("data: \u2028\x85\n\n".encode(), [Event("\u2028\x85")]),
    ],
)
def test_body_has_events(body: bytes, events: list[Event]) -> None:
    assert read_events(body) == events


@given(
    st.lists(st.sampled_from([b"data: a", b"data", b"id: 7", b"\r", b"\n", b"\r\n", b"\xef\xbb\xbf", b": x"])),
    st.data(),
)
def test_pieces_make_no_difference(parts: list[bytes], data: st.DataObject) -> None:
    body = b"".join(parts) + b"\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=4)))
    reader = EventReader()

    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]

    assert [event for piece in pieces for event in reader.feed(piece)] == read_events(body)
