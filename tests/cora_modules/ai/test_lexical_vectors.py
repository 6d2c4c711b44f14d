import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cora_modules.ai import lexical_vectors


def cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    ("question", "near", "far"),
    [
        ("refund of a payment", "Payments are refunded in ten days.", "The office is closed on Sundays."),
        ("Rechnungen bezahlen", "Bezahlte Rechnung", "Das Büro ist geschlossen"),
        ("STRASSE", "straße", "gasse"),
    ],
)
def test_shared_words_and_stems_are_near(question: str, near: str, far: str) -> None:
    q, a, b = lexical_vectors.embed([question, near, far])

    assert cosine(q, a) > cosine(q, b)


@pytest.mark.parametrize("text", ["", " ", "\n"])
def test_text_without_characters_has_the_zero_vector(text: str) -> None:
    assert lexical_vectors.embed([text]) == [[0.0] * lexical_vectors.DIMENSIONS]


@given(st.text(min_size=1).filter(lambda text: text.strip() != ""))
def test_any_other_text_has_length_one(text: str) -> None:
    (vector,) = lexical_vectors.embed([text])

    assert len(vector) == lexical_vectors.DIMENSIONS
    assert math.isclose(cosine(vector, vector), 1.0, rel_tol=1e-9)


def test_every_process_computes_the_same_vector() -> None:
    """Stored vectors outlive the process: the salted hash of Python would change them."""
    code = "from cora_modules.ai.lexical_vectors import embed; print(embed(['refund of a payment']))"

    first, second = (
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    )

    assert first == second == f"{lexical_vectors.embed(['refund of a payment'])}\n"
