"""Embeddings of words as they are written: hashed words and parts of words, with the standard library alone.

A question finds passages that share words, or stems of words, with it. It does not find synonyms: `word_vectors` does.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from math import sqrt
from zlib import crc32

from cora_modules.ai.provider import Purpose, Vector

MODEL = "local-lexical-256"
"""Say with each stored vector which model made it."""
DIMENSIONS = 256
PART_WEIGHT = 0.5
"""The weight of three letters, where a word has 1."""

_WORD = re.compile(r"\w+")


def embed(texts: Sequence[str], purpose: Purpose = "document") -> list[Vector]:
    """Return a vector of length 1 for each text, or the zero vector for a text without characters.

    Questions are embedded like documents.
    """
    return [_embed(unicodedata.normalize("NFKC", text).casefold().strip()) for text in texts]


def _embed(text: str) -> Vector:
    vector = [0.0] * DIMENSIONS
    for feature, weight in _features(text):
        # One bit of the hash is the sign, so that words in the same place do not look alike.
        place, sign = divmod(crc32(feature.encode("utf-8", "surrogatepass")), 2)
        vector[place % DIMENSIONS] += weight if sign else -weight
    if text and not any(vector):
        # There is no word, or all of them cancel each other out.
        vector[crc32(text.encode("utf-8", "surrogatepass")) % DIMENSIONS] = 1.0
    norm = sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]


def _features(text: str) -> Iterator[tuple[str, float]]:
    for word in _WORD.findall(text):
        yield word, 1.0
        marked = f"<{word}>"
        for at in range(len(marked) - 2):
            yield marked[at : at + 3], PART_WEIGHT
