"""Bedrock: what is sent, vectors and models."""

import json

import pytest

from cora_modules.ai.provider import ListedModel, ProviderError, Usage
from org_common import Deadline
from tests.cora_modules.ai.protocols.bedrock_calls import ANSWER, COHERE, TITAN, model, read
from tests.cora_modules.ai.protocols.frames import (
    EVENT_STREAM,
    JSON,
)
from tests.cora_modules.ai.protocols.server import Answer, Server


def test_request_is_that_of_the_protocol(aws: Server) -> None:
    aws.answers = [Answer(ANSWER, headers=EVENT_STREAM)]
    read(model(aws))

    (sent,) = aws.requests
    assert sent.path == "/model/eu.anthropic.claude-x-v1%3A0/converse-stream"
    assert sent.body["system"] == [{"text": "Answer."}]
    assert sent.body["inferenceConfig"] == {"temperature": 0.2, "maxTokens": 50}
    (message,) = sent.body["messages"]
    assert message["role"] == "user"
    assert message["content"][0]["text"].endswith("[1] a.md\nBecause.\n\nQuestion: Why?")


def test_titan_embeds_one_text_per_call(aws: Server) -> None:
    aws.answers = [
        Answer([json.dumps({"embedding": vector, "inputTextTokenCount": 3}).encode()], headers=JSON)
        for vector in ([1.0, 0.0], [0.0, 1.0])
    ]

    found = model(aws, TITAN, 2).embed(["a", "b"], Deadline.after(5))

    assert (found.vectors, found.usage) == ([[1.0, 0.0], [0.0, 1.0]], Usage(6, 0))
    assert [each.body for each in aws.requests] == [
        {"inputText": text, "dimensions": 2, "normalize": True} for text in ("a", "b")
    ]


def test_cohere_embeds_a_question_as_one(aws: Server) -> None:
    aws.answers = [Answer([b'{"embeddings": [[1.0]]}'], headers=JSON)]

    model(aws, COHERE).embed(["a?"], Deadline.after(5), purpose="question")

    assert aws.requests[0].body["input_type"] == "search_query"


@pytest.mark.parametrize("form", [[[1.0], [2.0]], {"float": [[1.0], [2.0]]}])
def test_cohere_embeds_a_batch_per_call(aws: Server, form: object) -> None:
    headers = {**JSON, "X-Amzn-Bedrock-Input-Token-Count": "9"}
    aws.answers = [Answer([json.dumps({"embeddings": form}).encode()], headers=headers)]

    found = model(aws, COHERE).embed(["a", "b"], Deadline.after(5))

    assert (found.vectors, found.usage) == ([[1.0], [2.0]], Usage(9, 0))
    assert aws.requests[0].body == {"texts": ["a", "b"], "input_type": "search_document", "truncate": "END"}


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"{}", b'{"embedding": null}', b'{"embedding": [1, 2, 3]}', b'{"embedding": ["1", 2]}'],
)
def test_bad_vectors_are_an_invalid_response(aws: Server, body: bytes) -> None:
    aws.answers = [Answer([body], headers=JSON)]

    with pytest.raises(ProviderError) as caught:
        model(aws, TITAN, 2).embed(["a"], Deadline.after(5))
    assert caught.value.kind == "invalid_response"


def test_vectors_that_are_cut_are_fetched_again(aws: Server) -> None:
    aws.answers = [
        Answer([b'{"embed'], headers=JSON, end="close"),
        Answer([b'{"embedding": [1, 2]}'], headers=JSON),
    ]

    assert model(aws, TITAN).embed(["a"], Deadline.after(5)).vectors == [[1, 2]]


def test_models_and_profiles_are_listed(aws: Server) -> None:
    arn = "arn:aws:bedrock:eu-central-1::foundation-model/"
    models = [
        {"modelId": "a", "modelArn": arn + "a", "outputModalities": ["TEXT"]},
        {"modelId": "b", "modelArn": arn + "b", "outputModalities": ["EMBEDDING"]},
    ]
    profiles = [{"inferenceProfileId": "eu.c", "inferenceProfileArn": arn + "c", "inferenceProfileName": "c"}]
    aws.answers = [
        Answer([json.dumps({"modelSummaries": models}).encode()], headers=JSON),
        Answer([json.dumps({"inferenceProfileSummaries": profiles}).encode()], headers=JSON),
    ]

    assert model(aws).list_models(Deadline.after(5)) == [
        ListedModel("a", "chat"),
        ListedModel("b", "embedding"),
        ListedModel("eu.c", "chat"),
    ]
    assert [each.path.partition("?")[0] for each in aws.requests] == ["/foundation-models", "/inference-profiles"]
