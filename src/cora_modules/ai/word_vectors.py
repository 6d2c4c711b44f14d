"""Embeddings without a network: the mean of word vectors that ship in the wheel of wordllama (extra `local`).

A mean of word vectors finds synonyms. Word order and negation do not change it. The vectors were trained from the token
tables of Llama 2 70B and phi-3, as wordllama's README says; they are mostly English. Without its wheel (Linux on ARM,
Python 3.14), use `lexical_vectors`.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cora_modules.ai.provider import Purpose, Vector

MODEL = "local-word-vectors-256"
"""Say with each stored vector which model made it."""
DIMENSIONS = 256


def is_installed() -> bool:
    """Return whether the extra `local` is installed."""
    return find_spec("wordllama") is not None and find_spec("tokenizers") is not None


def embed(texts: Sequence[str], purpose: Purpose = "document") -> list[Vector]:
    """Return a vector of length 1 for each text, or the zero vector for a text without characters.

    Questions are embedded like documents.
    """
    import numpy

    tokenizer, table = _files()
    vectors: list[Vector] = []
    for text in texts:
        tokens = tokenizer.encode(unicodedata.normalize("NFKC", text).strip(), add_special_tokens=False).ids
        mean = table[tokens].mean(axis=0, dtype=numpy.float32) if tokens else numpy.zeros(DIMENSIONS, numpy.float32)
        vectors.append((mean / (numpy.linalg.norm(mean) or 1.0)).tolist())
    return vectors


@cache
def _files() -> tuple[Any, Any]:
    """The tokenizer, and the table of one row per token: 16 MB, mapped from the file.

    wordllama's own loader asks for a download although both files are in its wheel, and takes 85 MB instead of 33.
    """
    import numpy
    from tokenizers import Tokenizer

    spec = find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("wordllama is not installed: pip install 'org-common[local]'", name="wordllama")
    folder = Path(spec.origin).parent
    weights = folder / "weights" / "l2_supercat_256.safetensors"
    # The format safetensors: the length of a JSON header, the header, then the values.
    with weights.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(length))["embedding.weight"]
    table = numpy.memmap(weights, numpy.float16, "r", 8 + length + entry["data_offsets"][0], tuple(entry["shape"]))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    tokenizer.no_padding()
    return tokenizer, table
