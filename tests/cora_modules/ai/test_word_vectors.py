import math
from pathlib import Path

import numpy
import pytest
import wordllama  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from wordllama import WordLlama

from cora_modules.ai import word_vectors

PAIRS = [
    ("How do I get my money back?", "Refunds are paid within ten days.", "The office is closed on Sundays."),
    ("the doctor saw a sick child", "a physician examined the ill kid", "the train to Basel leaves at nine"),
]


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def test_vectors_equal_those_of_the_library() -> None:
    texts = ["A cat sat on the mat.", "Zürich liegt am See", "def f(x): return x", "  spaces  around ", "42"]
    library = WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)

    theirs = library.embed([text.strip() for text in texts], norm=True)

    assert numpy.allclose(word_vectors.embed(texts), theirs, atol=1e-3)


@pytest.mark.parametrize(("question", "near", "far"), PAIRS)
def test_synonyms_are_near(question: str, near: str, far: str) -> None:
    q, a, b = word_vectors.embed([question, near, far])

    assert cosine(q, a) > cosine(q, b)


@pytest.mark.parametrize("text", ["", " ", "\n\t "])
def test_text_without_characters_has_the_zero_vector(text: str) -> None:
    assert word_vectors.embed([text, "word"])[0] == [0.0] * word_vectors.DIMENSIONS


@given(st.text(min_size=1).filter(lambda text: text.strip() != ""))
def test_any_other_text_has_length_one(text: str) -> None:
    (vector,) = word_vectors.embed([text])

    assert len(vector) == word_vectors.DIMENSIONS
    assert math.isclose(cosine(vector, vector), 1.0, rel_tol=1e-4)


def test_no_texts_have_no_vectors() -> None:
    assert word_vectors.embed([]) == []


def test_vector_does_not_depend_on_the_other_texts() -> None:
    alone = word_vectors.embed(["The same text"])

    assert word_vectors.embed(["The same text", "a much longer text than the other one"])[:1] == alone


def test_long_text_has_a_vector() -> None:
    (vector,) = word_vectors.embed(["rain " * 20_000])

    assert cosine(vector, word_vectors.embed(["rain"])[0]) > 0.9
