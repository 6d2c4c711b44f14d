"""The embedded provider: vectors and extractive answers without a network. Its models' names say what they are."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module

from org_common import Deadline

from cora_modules.ai.extract import extract
from cora_modules.ai.provider import (
    ChatRequest,
    Embeddings,
    ListedModel,
    ProviderError,
    Purpose,
    Reply,
    Usage,
    Vector,
)

CHAT_MODEL = "local-extracts-no-language-model"
WORD_VECTORS = "local-word-vectors-256"
LEXICAL = "local-lexical-256"
E5 = "local-multilingual-e5-small-4bit-384"
# The module that computes each model's vectors, with `embed(texts, purpose)`. Imported when it is used.
_EMBEDDERS = {
    WORD_VECTORS: "cora_modules.ai.word_vectors",
    LEXICAL: "cora_modules.ai.lexical_vectors",
    E5: "cora_modules.ai.e5_vectors",
}
INTRODUCTION = "I am not a language model. These sentences of your documents fit the question best:\n"
NOTHING_FOUND = "I am not a language model, and I found no passage about this in your documents."


class Local:
    """A model of the embedded provider."""

    def __init__(self, model_id: str) -> None:
        self._model_id = model_id

    def embed(self, texts: Sequence[str], deadline: Deadline, *, purpose: Purpose = "document") -> Embeddings:
        """Return a vector for each text. Raises ProviderError if the model's package is not installed."""
        embed = _find_embedder(self._model_id)
        try:
            vectors = embed(texts, purpose)
        except ModuleNotFoundError as error:
            raise ProviderError("refused", str(error)) from error
        return Embeddings(vectors, Usage(sum(map(estimate_tokens, texts)), 0))

    def chat(self, request: ChatRequest, deadline: Deadline) -> Reply:
        """Begin an answer of at most three sentences of the passages, each with its citation."""
        if self._model_id != CHAT_MODEL:
            raise ProviderError("refused", f"{self._model_id} is not a chat model of the embedded provider")
        reply = Reply(iter(()))
        reply.deltas = _answer(request, reply)
        return reply

    def list_models(self, deadline: Deadline) -> list[ListedModel]:
        """Return the embedded models."""
        return [
            ListedModel(CHAT_MODEL, "chat"),
            ListedModel(WORD_VECTORS, "embedding", 256),
            ListedModel(LEXICAL, "embedding", 256),
            ListedModel(E5, "embedding", 384),
        ]


def estimate_tokens(text: str) -> int:
    """How many tokens a text has, estimated: four characters each."""
    return (len(text) + 3) // 4


def _answer(request: ChatRequest, reply: Reply) -> Iterator[str]:
    asked = (request.system, *(each.content for each in request.messages), *(each.content for each in request.passages))
    tokens_in, tokens_out = sum(map(estimate_tokens, asked)), 0
    for sentence in _sentences(request):
        tokens = estimate_tokens(sentence)
        if tokens_out + tokens > request.max_tokens:
            sentence = sentence[: (request.max_tokens - tokens_out) * 4]  # noqa: PLW2901 - the rest of it
            tokens_out = request.max_tokens
            reply.finish_reason = "length"
        else:
            tokens_out += tokens
        reply.usage = Usage(tokens_in, tokens_out)
        if sentence:
            yield sentence
        if reply.finish_reason:
            return
    reply.finish_reason = "stop"


def _sentences(request: ChatRequest) -> Iterator[str]:
    found = extract(request.messages[-1].content, request.passages)
    if not found:
        yield NOTHING_FOUND
        return
    yield INTRODUCTION
    for each in found:
        yield f"\n- {each.sentence} [{each.passage}]"


def _find_embedder(model_id: str) -> Callable[[Sequence[str], Purpose], list[Vector]]:
    if model_id not in _EMBEDDERS:
        raise ProviderError("refused", f"{model_id} is not an embedding model of the embedded provider")
    embed: Callable[[Sequence[str], Purpose], list[Vector]] = import_module(_EMBEDDERS[model_id]).embed
    return embed
