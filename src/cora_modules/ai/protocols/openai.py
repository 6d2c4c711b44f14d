"""OpenAI-compatible servers: OpenAI, Azure, Anthropic's compatible API, vLLM, Ollama and others."""

import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import orjson
from org_common import Deadline

from cora_modules.ai.protocols.attempts import Attempts
from cora_modules.ai.protocols.connection import GAP_S, Connection
from cora_modules.ai.protocols.deltas import Deltas
from cora_modules.ai.protocols.json_object import parse_object
from cora_modules.ai.protocols.key import fetch_key
from cora_modules.ai.protocols.openai_error import KeyRejected, raise_for
from cora_modules.ai.protocols.openai_stream import read_answer, usage_of
from cora_modules.ai.protocols.prompt import messages_with_passages
from cora_modules.ai.protocols.vectors import check_vectors
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

BATCH = 256
"""How many texts are sent in a request for vectors. OpenAI accepts 2,048 and 300,000 tokens."""
# The list does not say what a model does.
_EMBEDDING = re.compile(r"embed|\b(bge|e5|gte)\b|minilm")
_ANTHROPIC_VERSION = "2023-06-01"


class OpenAi:
    """A model of an OpenAI-compatible server."""

    def __init__(
        self,
        model_id: str,
        base_url: str,
        attempts: Attempts,
        *,
        secret_ref: str | None = None,
        dimensions: int | None = None,
        gap_s: float = GAP_S,
    ) -> None:
        self._model_id = model_id
        self._base_url = base_url.rstrip("/")
        self._attempts = attempts
        self._secret_ref = secret_ref
        self._dimensions = dimensions
        self._gap_s = gap_s

    def embed(self, texts: Sequence[str], deadline: Deadline, *, purpose: Purpose = "document") -> Embeddings:
        """Return a vector for each text. Raises ProviderError."""
        vectors: list[Vector] = []
        tokens = 0
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            content = self._exchange("POST", "/embeddings", self._embedding_body(batch), deadline)
            vectors += check_vectors(_vectors_of(content), len(batch), self._dimensions)
            tokens += usage_of(content, "".join(batch), "").tokens_in
        return Embeddings(vectors, Usage(tokens, 0))

    def chat(self, request: ChatRequest, deadline: Deadline) -> Reply:
        """Begin an answer. Raises ProviderError, here and while you iterate over the deltas."""
        body = self._chat_body(request)
        connection = self._attempts.make(lambda: self._open("POST", "/chat/completions", body, deadline), deadline)
        reply = Reply(iter(()))
        asked = "".join(message["content"] for message in body["messages"])
        reply.deltas = Deltas(read_answer(connection.chunks(), reply, asked), connection.close, self._attempts.circuit)
        return reply

    def list_models(self, deadline: Deadline) -> list[ListedModel]:
        """Return the server's models. Raises ProviderError."""
        path = "/models?limit=1000" if self._is_anthropic() else "/models"
        content = self._exchange("GET", path, None, deadline)
        try:
            names = [str(each["id"]) for each in content["data"]]
        except (KeyError, TypeError) as error:
            raise ProviderError("invalid_response", "the list of models has an unknown form") from error
        return [ListedModel(name, "embedding" if _EMBEDDING.search(name.casefold()) else "chat") for name in names]

    def _embedding_body(self, texts: Sequence[str]) -> dict[str, Any]:
        body: dict[str, Any] = {"model": self._model_id, "input": list(texts), "encoding_format": "float"}
        if self._dimensions is not None and self._model_id.startswith("text-embedding-3"):
            # Other models may refuse the field.
            body["dimensions"] = self._dimensions
        return body

    def _chat_body(self, request: ChatRequest) -> dict[str, Any]:
        # OpenAI's newer models refuse the older name, and other servers do not know the newer one.
        limit = "max_completion_tokens" if urlsplit(self._base_url).hostname == "api.openai.com" else "max_tokens"
        return {
            "model": self._model_id,
            "messages": [
                {"role": "system", "content": request.system},
                *({"role": each.role, "content": each.content} for each in messages_with_passages(request)),
            ],
            "temperature": request.temperature,
            limit: request.max_tokens,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    def _exchange(self, method: str, path: str, body: dict[str, Any] | None, deadline: Deadline) -> dict[str, Any]:
        """The JSON object that the server answers, attempts included."""

        def once() -> dict[str, Any]:
            connection = self._open(method, path, body, deadline)
            try:
                return parse_object(connection.read())
            finally:
                connection.close()

        content = self._attempts.make(once, deadline)
        self._attempts.circuit.succeeded()
        return content

    def _open(self, method: str, path: str, body: dict[str, Any] | None, deadline: Deadline) -> Connection:
        """A connection whose response is a success. A rejected key is fetched again: it may have been rotated."""
        if self._secret_ref is None:
            return self._send(method, path, body, None, deadline)
        key = fetch_key(self._secret_ref)
        try:
            return self._send(method, path, body, key.reveal, deadline)
        except KeyRejected:
            new_key = fetch_key(self._secret_ref, force_refresh=True)
            if new_key == key:
                raise
        return self._send(method, path, body, new_key.reveal, deadline)

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None, key: Callable[[], str] | None, deadline: Deadline
    ) -> Connection:
        connection = Connection(self._base_url + path, deadline, self._gap_s)
        is_stream = body is not None and "stream" in body
        headers = {"Accept": "text/event-stream" if is_stream else "application/json", "User-Agent": "cora"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Authorization"] = f"Bearer {key()}"
        if key is not None and self._is_anthropic():
            headers |= {"x-api-key": key(), "anthropic-version": _ANTHROPIC_VERSION}
        try:
            response = connection.send(method, headers, None if body is None else orjson.dumps(body))
            if response.status != 200:
                raise_for(response.status, response.getheader("retry-after"), connection)
            if is_stream and response.headers.get_content_type() != "text/event-stream":
                raise ProviderError("invalid_response", "the answer is not a stream of events")
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_anthropic(self) -> bool:
        return urlsplit(self._base_url).hostname == "api.anthropic.com"


def _vectors_of(content: dict[str, Any]) -> list[Any]:
    try:
        return [each["embedding"] for each in sorted(content["data"], key=lambda each: each["index"])]
    except (KeyError, TypeError) as error:
        raise ProviderError("invalid_response", "the vectors have an unknown form") from error
