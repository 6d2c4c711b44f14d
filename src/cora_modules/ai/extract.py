"""Extractive answers: the sentences of the passages that share the most and the rarest words with the question."""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from cora_modules.ai.provider import Passage

_WORD = re.compile(r"\w+")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”“»)\]]*\s+(?=[^\W_a-z])|\n+")
# Longer words are compared by their beginnings: "invoice" and "invoices", "Rechnung" and "Rechnungen".
_STEM_LENGTH = 6
# A sentence of a better passage wins over an equal one of a later passage.
_RANK_PENALTY = 0.02


class Extract(NamedTuple):
    """A sentence, and the number of the passage that it comes from, beginning with 1."""

    sentence: str
    passage: int


def extract(question: str, passages: Sequence[Passage], count: int = 3) -> list[Extract]:
    """The sentences that fit the question best, in the order of the passages; at most `count`.

    If no sentence shares a word with the question, the first sentence of the first passage: a search by meaning found
    it for another reason.
    """
    sentences = [
        Extract(sentence, number)
        for number, passage in enumerate(passages, 1)
        for sentence in split_sentences(passage.content)
    ]
    stems = [_stems(each.sentence) for each in sentences]
    frequencies = Counter(stem for each in stems for stem in each)
    wanted = _stems(question)

    def score(at: int) -> float:
        shared = sum(math.log(1 + len(sentences) / frequencies[stem]) for stem in wanted & stems[at])
        # Long sentences share more words by chance.
        return shared / math.sqrt(8 + len(stems[at])) * (1 - _RANK_PENALTY * min(sentences[at].passage, 40))

    scores = [score(at) for at in range(len(sentences))]
    best = sorted((at for at in range(len(sentences)) if scores[at] > 0), key=lambda at: -scores[at])[:count]
    return [sentences[at] for at in sorted(best)] or sentences[:1]


def split_sentences(text: str) -> list[str]:
    """The sentences of a text, without surrounding space."""
    return [sentence for part in _SENTENCE_END.split(text) if (sentence := " ".join(part.split()))]


def _stems(text: str) -> set[str]:
    words = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return {word[:_STEM_LENGTH] for word in words if len(word) > 2 or word.isdigit()}
