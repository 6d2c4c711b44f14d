"""The interface of AI providers: vectors for texts, and an answer as a stream of text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol

from org_common import Deadline

Vector = list[float]
ErrorKind = Literal["refused", "throttled", "unavailable", "timeout", "cut", "invalid_response"]
FinishReason = Literal["stop", "length", "filtered"]
Purpose = Literal["document", "question"]
"""What a text is embedded for. Some models embed a question in another way than the documents that answer it."""


class Passage(NamedTuple):
    """A passage of a document, on which an answer can be grounded."""

    title: str
    """The document's file name, and the heading if there is one."""
    content: str


class Message(NamedTuple):
    """What a user or the model has said."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a model is asked."""

    system: str
    """The instructions: how to answer, and in which tone."""
    messages: tuple[Message, ...]
    """The conversation, oldest first. The last message is the question."""
    passages: tuple[Passage, ...] = ()
    """What the answer may cite, as `[1]` for the first."""
    temperature: float = 0.2
    max_tokens: int = 1024


class Usage(NamedTuple):
    """Tokens, as the provider counted them. A provider that counts none has estimated them."""

    tokens_in: int
    tokens_out: int


class Embeddings(NamedTuple):
    """Vectors of texts, and what they cost."""

    vectors: list[Vector]
    """One for each text, in the order of the texts."""
    usage: Usage


@dataclass(slots=True)
class Reply:
    """An answer while it arrives: iterate over `deltas`, then read the rest.

    Close it when you stop early: that closes the connection to the provider.
    """

    deltas: Iterator[str]
    finish_reason: FinishReason | None = None
    """Null until the provider has said that the answer is complete."""
    usage: Usage = field(default_factory=lambda: Usage(0, 0))

    def close(self) -> None:
        """Stop the answer. Does nothing if it has ended."""
        close = getattr(self.deltas, "close", None)
        if close is not None:
            close()


class ListedModel(NamedTuple):
    """A model in a provider's list."""

    model_id: str
    """The provider's name of the model."""
    kind: Literal["chat", "embedding"]
    """As the provider says, or as the name suggests."""
    dimensions: int | None = None
    """The length of its vectors, if the provider says so."""


class ProviderError(Exception):
    """A provider did not answer as asked. `kind` says how; the text is for the log and holds no secret."""

    def __init__(self, kind: ErrorKind, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.retry_after_s = retry_after_s

    @property
    def is_temporary(self) -> bool:
        """Whether the same request may succeed later."""
        return self.kind in {"throttled", "unavailable", "timeout", "cut"}


class Provider(Protocol):
    """A model of a provider. Calls retry inside the deadline; a stream is retried only until it has begun."""

    def embed(self, texts: Sequence[str], deadline: Deadline, *, purpose: Purpose = "document") -> Embeddings:
        """Return a vector for each text. Raises ProviderError."""
        ...

    def chat(self, request: ChatRequest, deadline: Deadline) -> Reply:
        """Begin an answer. Raises ProviderError, here and while you iterate over the deltas."""
        ...


class ListingProvider(Provider, Protocol):
    """A provider that also lists its models, for administrators."""

    def list_models(self, deadline: Deadline) -> list[ListedModel]:
        """Return the models that can be called. Raises ProviderError."""
        ...
