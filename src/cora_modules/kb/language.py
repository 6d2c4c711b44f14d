"""The language of a text, as far as the database has a text configuration for it."""

import re
from typing import Literal

Language = Literal["english", "french", "german", "italian", "simple", "spanish"]

# Frequent words that hardly occur in the other languages.
_LISTS: dict[Language, str] = {
    "english": "the and of to is that with for was are this from which not have by be it",
    "french": "le les des est une dans pour que qui sur avec pas sont cette aux du nous vous et",
    "german": "der die und das ist nicht mit den von ein eine auf für dem wird sich auch werden zu",
    "italian": "il che di della per una sono con non gli del nel alla dei anche questo delle è",
    "spanish": "el los las que del para con una por es como más pero sus este son lo y",
}
_WORDS: dict[Language, frozenset[str]] = {language: frozenset(words.split()) for language, words in _LISTS.items()}
SAMPLE = 20_000
"""How much of a text is looked at, in characters."""


def detect_language(text: str) -> Language:
    """The language that most frequent words are of; "simple" for a short text and for other languages."""
    words = re.findall(r"[^\W\d_]+", text[:SAMPLE].lower())
    counts: dict[Language, int] = {name: sum(word in own for word in words) for name, own in _WORDS.items()}
    best, second = sorted(counts, key=lambda name: -counts[name])[:2]
    # In prose of each of these languages, a fifth of the words and more are in its set.
    if counts[best] >= max(3, len(words) / 20) and counts[best] > 1.3 * counts[second]:
        return best
    return "simple"
