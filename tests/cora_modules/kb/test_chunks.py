"""Passages have exact places, lose nothing, and end where their section or page does."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cora_modules.kb.chunks import CHARACTERS_PER_TOKEN, cut
from cora_modules.kb.parsing import html, markdown, plain
from cora_modules.kb.parsing.parsed import Parsed, TextBuilder
from tests.cora_modules.kb.parsing.nothing import nothing

WORDS = st.sampled_from(
    [
        *(
            "word",
            "Äpfel",
            "e\u0301te\u0301",
            "naïve",
            "🚀",
            "👩\u200d🚀",
            "👍🏽",
            "漢字。",
            "x" * 300,
            "end. ",
            "why? ",
        ),
        *(" ", "  ", "\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\t", "\xa0"),
        *("# Head\n", "## Sub\n", "- item\n", "```\n", "| a | b |\n", "> ", "[a]: b\n", "<b>", "</b>", "<p>", "&amp;"),
    ]
)
TEXTS = st.lists(WORDS, max_size=80).map("".join)
SIZES = st.tuples(st.integers(32, 80), st.integers(0, 16))
PARSERS = {"plain": plain.parse, "markdown": markdown.parse, "html": html.parse}


def covered(parsed: Parsed, size: int, overlap: int) -> set[int]:
    places: set[int] = set()
    last = -1
    for chunk in cut(parsed, max_tokens=size, overlap_tokens=overlap):
        content = parsed.text[chunk.start : chunk.end]
        assert 0 <= chunk.start < chunk.end <= len(parsed.text)
        assert content.strip()
        assert len(content) <= size * CHARACTERS_PER_TOKEN
        assert chunk.start > last
        last = chunk.start
        places.update(range(chunk.start, chunk.end))
    return places


@pytest.mark.parametrize("parser", PARSERS)
@given(TEXTS, SIZES)
def test_everything_but_whitespace_is_in_a_passage(parser: str, text: str, sizes: tuple[int, int]) -> None:
    parsed = PARSERS[parser](text, nothing)

    places = covered(parsed, *sizes)

    assert [sign for at, sign in enumerate(parsed.text) if at not in places and not sign.isspace()] == []


@given(TEXTS)
def test_text_of_plain_and_markdown_is_the_source(text: str) -> None:
    assert plain.parse(text, nothing).text == markdown.parse(text, nothing).text == text


@given(st.text(max_size=3000), SIZES)
def test_any_unicode_is_cut(text: str, sizes: tuple[int, int]) -> None:
    parsed = plain.parse(text, nothing)

    places = covered(parsed, *sizes)

    assert [sign for at, sign in enumerate(parsed.text) if at not in places and not sign.isspace()] == []


@pytest.mark.parametrize("letter", ["e\u0301", "👩\u200d🚀", "👍🏽", "1\ufe0f\u20e3", "\r\n"])
def test_no_letter_is_torn(letter: str) -> None:
    parsed = plain.parse("x" + letter * 400, nothing)

    for chunk in cut(parsed, max_tokens=32, overlap_tokens=0):
        assert (chunk.end - 1) % len(letter) == 0 or chunk.end == len(parsed.text)


def test_passage_ends_with_its_section() -> None:
    source = "Intro\n\n# A\n\none\n\n## B\n\ntwo\n\nthree\n\n# C\n\nfour"
    parsed = markdown.parse(source, nothing)

    found = [(chunk.heading, source[chunk.start : chunk.end]) for chunk in cut(parsed, max_tokens=64, overlap_tokens=8)]

    assert found == [
        (None, "Intro"),
        ("A", "# A\n\none"),
        ("A > B", "## B\n\ntwo\n\nthree"),
        ("C", "# C\n\nfour"),
    ]


def test_heading_without_text_goes_with_the_next_section() -> None:
    source = "# A\n\n## B\n\ntext\n\n# C"
    parsed = markdown.parse(source, nothing)

    found = [(chunk.heading, source[chunk.start : chunk.end]) for chunk in cut(parsed, max_tokens=64, overlap_tokens=8)]

    assert found == [("A > B", "# A\n\n## B\n\ntext"), ("C", "# C")]


def test_passage_ends_with_its_page() -> None:
    text = TextBuilder()
    for page in (1, 2, 4):
        text.add(f"Page {page}.", page=page, title="T")

    pages = [(chunk.page, chunk.heading) for chunk in cut(text.build(4), max_tokens=64, overlap_tokens=8)]

    assert pages == [(1, "T"), (2, "T"), (4, "T")]


def test_long_block_is_cut_at_sentences_with_an_overlap() -> None:
    text = " ".join(f"This is sentence number {at}." for at in range(100))
    parsed = plain.parse(text, nothing)

    chunks = [text[chunk.start : chunk.end] for chunk in cut(parsed, max_tokens=64, overlap_tokens=8)]

    assert all(chunk.endswith(".") for chunk in chunks)
    for before, after in pairwise(chunks):
        assert after[:10] in before


def test_tokens_are_counted_by_the_given_function() -> None:
    parsed = plain.parse("one two three", nothing)

    (chunk,) = cut(parsed, max_tokens=64, overlap_tokens=0, count_tokens=lambda text: len(text.split()))

    assert chunk.tokens == 3
