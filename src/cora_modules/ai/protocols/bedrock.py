"""Amazon Bedrock: answers through ConverseStream, vectors through InvokeModel."""

from collections.abc import Sequence
from typing import Any, Literal

import orjson
from org_common import Deadline

from cora_modules.ai.local import estimate_tokens
from cora_modules.ai.protocols.attempts import Attempts
from cora_modules.ai.protocols.bedrock_client import connect, translated
from cora_modules.ai.protocols.bedrock_stream import read_answer
from cora_modules.ai.protocols.deltas import Deltas
from cora_modules.ai.protocols.json_object import parse_object
from cora_modules.ai.protocols.prompt import messages_with_passages
from cora_modules.ai.protocols.vectors import check_vectors
from cora_modules.ai.provider import ChatRequest, Embeddings, ListedModel, Purpose, Reply, Usage, Vector

_COHERE_BATCH = 96


class Bedrock:
    """A model of Bedrock."""

    def __init__(
        self,
        model_id: str,
        attempts: Attempts,
        *,
        region: str | None = None,
        endpoint_url: str | None = None,
        dimensions: int | None = None,
    ) -> None:
        self._model_id = model_id
        self._attempts = attempts
        self._region = region
        self._endpoint_url = endpoint_url
        self._dimensions = dimensions

    def embed(self, texts: Sequence[str], deadline: Deadline, *, purpose: Purpose = "document") -> Embeddings:
        """Return a vector for each text. Raises ProviderError."""
        vectors: list[Vector] = []
        tokens = 0
        is_cohere = "cohere." in self._model_id
        size = _COHERE_BATCH if is_cohere else 1
        for start in range(0, len(texts), size):
            batch = list(texts[start : start + size])
            body = _cohere_body(batch, purpose) if is_cohere else self._titan_body(batch[0])
            content, counted = self._invoke(body, deadline)
            found = _cohere_vectors(content) if is_cohere else [content.get("embedding")]
            vectors += check_vectors(found, len(batch), self._dimensions)
            counted = counted if counted is not None else content.get("inputTextTokenCount")
            tokens += counted if isinstance(counted, int) else sum(map(estimate_tokens, batch))
        return Embeddings(vectors, Usage(tokens, 0))

    def chat(self, request: ChatRequest, deadline: Deadline) -> Reply:
        """Begin an answer. Raises ProviderError, here and while you iterate over the deltas."""
        messages = messages_with_passages(request)
        arguments = {
            "modelId": self._model_id,
            "system": [{"text": request.system}],
            "messages": [{"role": each.role, "content": [{"text": each.content}]} for each in messages],
            "inferenceConfig": {"temperature": request.temperature, "maxTokens": request.max_tokens},
        }

        def once() -> Any:
            with translated():
                return connect("bedrock-runtime", self._region, self._endpoint_url, deadline).converse_stream(
                    **arguments
                )["stream"]

        stream = self._attempts.make(once, deadline)
        reply = Reply(iter(()))
        asked = request.system + "".join(each.content for each in messages)
        reply.deltas = Deltas(read_answer(stream, reply, asked, deadline), stream.close, self._attempts.circuit)
        return reply

    def list_models(self, deadline: Deadline) -> list[ListedModel]:
        """Return the models of the region, and the profiles that distribute calls over regions. Raises ProviderError.

        Newer models can be called through a profile alone.
        """

        def once() -> list[ListedModel]:
            with translated():
                client = connect("bedrock", self._region, self._endpoint_url, deadline)
                models = client.list_foundation_models(byInferenceType="ON_DEMAND")["modelSummaries"]
                profiles = client.list_inference_profiles(maxResults=1000)["inferenceProfileSummaries"]
                return [
                    *(ListedModel(each["modelId"], _kind_of(each)) for each in models),
                    *(ListedModel(each["inferenceProfileId"], _kind_of(each)) for each in profiles),
                ]

        models = self._attempts.make(once, deadline)
        self._attempts.circuit.succeeded()
        return models

    def _invoke(self, body: dict[str, Any], deadline: Deadline) -> tuple[dict[str, Any], int | None]:
        """The JSON object that the model answers, and how many tokens Bedrock has counted."""

        def once() -> tuple[dict[str, Any], int | None]:
            with translated():
                response = connect("bedrock-runtime", self._region, self._endpoint_url, deadline).invoke_model(
                    modelId=self._model_id, body=orjson.dumps(body), contentType="application/json"
                )
                content = response["body"].read()
            counted = response["ResponseMetadata"]["HTTPHeaders"].get("x-amzn-bedrock-input-token-count", "")
            return parse_object(content), int(counted) if counted.isdecimal() else None

        answer = self._attempts.make(once, deadline)
        self._attempts.circuit.succeeded()
        return answer

    def _titan_body(self, text: str) -> dict[str, Any]:
        body: dict[str, Any] = {"inputText": text}
        if self._dimensions is not None and "titan-embed-text-v2" in self._model_id:
            body |= {"dimensions": self._dimensions, "normalize": True}
        return body


def _kind_of(summary: dict[str, Any]) -> Literal["chat", "embedding"]:
    """What a model does. A profile does not say it, and its name has that of the model."""
    name = summary.get("inferenceProfileId", "")
    return "embedding" if "EMBEDDING" in summary.get("outputModalities", ()) or "embed" in name else "chat"


def _cohere_body(texts: list[str], purpose: Purpose) -> dict[str, Any]:
    input_type = "search_query" if purpose == "question" else "search_document"
    return {"texts": texts, "input_type": input_type, "truncate": "END"}


def _cohere_vectors(content: dict[str, Any]) -> list[Any]:
    found = content.get("embeddings")
    # Version 4 returns them by type.
    found = found.get("float") if isinstance(found, dict) else found
    return found if isinstance(found, list) else []
