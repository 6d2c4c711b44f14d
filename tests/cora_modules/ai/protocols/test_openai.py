"""OpenAI-compatible servers: what is sent, keys, vectors and models."""

import json

import pytest

from cora_modules.ai.protocols.openai import BATCH, OpenAi
from cora_modules.ai.provider import ErrorKind, ListedModel, ProviderError, Usage
from org_common import Deadline
from tests.cora_modules.ai.protocols.frames import JSON, SSE
from tests.cora_modules.ai.protocols.openai_calls import ANSWER, REQUEST, model, read
from tests.cora_modules.ai.protocols.server import Answer, Server


def embed(openai: OpenAi, *texts: str) -> ErrorKind | list[list[float]]:
    try:
        return openai.embed(texts, Deadline.after(5)).vectors
    except ProviderError as error:
        return error.kind


def test_request_is_that_of_the_protocol(server: Server) -> None:
    server.answers = [Answer(ANSWER, headers=SSE)]
    read(model(server))

    (sent,) = server.requests
    *earlier, last = sent.body.pop("messages")
    assert (sent.method, sent.path) == ("POST", "/v1/chat/completions")
    assert sent.body == {
        "model": "large",
        "temperature": 0.2,
        "max_tokens": 1024,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert [(each["role"], each["content"]) for each in earlier] == [
        ("system", "Answer."),
        ("user", "Who?"),
        ("assistant", "I."),
    ]
    assert "[1] a.md\nBecause." in last["content"]
    assert last["content"].endswith("Question: Why?")
    assert "authorization" not in sent.headers


# --- keys ---


def test_key_is_sent_and_fetched_by_its_reference(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_OPENAI", '{"key": "sk-secret"}')
    server.answers = [Answer(ANSWER, headers=SSE)]

    read(model(server, secret_ref="env:AI_OPENAI#key"))

    assert server.requests[0].headers["authorization"] == "Bearer sk-secret"


@pytest.mark.parametrize("reference", ["prod/database", "env:DATABASE", "not a reference", "env:AI_MISSING"])
def test_key_that_may_not_be_used_is_not_fetched(server: Server, reference: str) -> None:
    with pytest.raises(ProviderError) as caught:
        model(server, secret_ref=reference).chat(REQUEST, Deadline.after(5))
    assert (caught.value.kind, server.requests) == ("refused", [])


def test_rejected_key_is_fetched_again_once(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AI_ROTATED", "sk-old")
    server.answers = [Answer(status=401)]
    openai = model(server, secret_ref="env:AI_ROTATED")
    with pytest.raises(ProviderError):
        openai.chat(REQUEST, Deadline.after(5))
    assert len(server.requests) == 1

    monkeypatch.setenv("AI_ROTATED", "sk-new")
    server.answers = [Answer(status=401), Answer(ANSWER, headers=SSE)]
    assert read(openai)[0] == ["The", " end"]

    assert [each.headers["authorization"] for each in server.requests[1:]] == ["Bearer sk-old", "Bearer sk-new"]


# --- vectors and models ---


def vectors(*found: object, **more: object) -> Answer:
    content = {"data": [{"index": at, "embedding": each} for at, each in enumerate(found)], **more}
    return Answer([json.dumps(content).encode()], headers=JSON)


def test_vectors_are_in_the_order_of_the_texts(server: Server) -> None:
    found = [{"index": 1, "embedding": [3, 4]}, {"index": 0, "embedding": [1, 2.5]}]
    content = {"data": found, "usage": {"prompt_tokens": 7}}
    server.answers = [Answer([json.dumps(content).encode()], headers=JSON)]

    embedded = model(server).embed(["a", "b"], Deadline.after(5))

    assert (embedded.vectors, embedded.usage) == ([[1, 2.5], [3, 4]], Usage(7, 0))
    assert server.requests[0].body == {"model": "large", "input": ["a", "b"], "encoding_format": "float"}


def test_many_texts_are_sent_in_batches(server: Server) -> None:
    server.answers = [vectors(*[[1.0]] * BATCH), vectors([2.0])]

    found = model(server).embed(["a"] * (BATCH + 1), Deadline.after(5))

    assert found.vectors == [[1.0]] * BATCH + [[2.0]]
    assert found.usage.tokens_in > 0


def test_no_text_no_request(server: Server) -> None:
    assert model(server).embed([], Deadline.after(5)).vectors == []
    assert server.requests == []


@pytest.mark.parametrize(
    "answer",
    [
        vectors(),
        vectors([1.0], [1.0]),
        vectors([1.0]),
        vectors([1.0, 2.0, 3.0]),
        vectors([1.0, None]),
        vectors([1.0, "2"]),
        vectors("AAAA"),
        vectors([]),
        Answer([b'{"data": [{"index": 0, "embedding": [NaN, 1]}]}'], headers=JSON),
        Answer([b'{"data": [{"index": 0, "embedding": [1e999, 1]}]}'], headers=JSON),
        Answer([b'{"data": [{"embedding": [1, 2]}]}'], headers=JSON),
        Answer([b'{"data": 7}'], headers=JSON),
        Answer([b"[]"], headers=JSON),
        Answer([b"{"], headers=JSON),
        Answer([b"\xff"], headers=JSON),
    ],
)
def test_bad_vectors_are_an_invalid_response(server: Server, answer: Answer) -> None:
    server.answers = [answer]

    assert embed(model(server, dimensions=2), "a") == "invalid_response"


def test_response_of_vectors_that_is_cut_is_repeated(server: Server) -> None:
    server.answers = [Answer([b'{"data": ['], headers=JSON, end="close"), vectors([1.0])]

    assert embed(model(server), "a") == [[1.0]]


def test_models_are_listed(server: Server) -> None:
    server.answers = [Answer([b'{"data": [{"id": "a"}, {"id": "b"}]}'], headers=JSON)]

    assert model(server).list_models(Deadline.after(5)) == [ListedModel("a", "chat"), ListedModel("b", "chat")]
    assert (server.requests[0].method, server.requests[0].path) == ("GET", "/v1/models")


@pytest.mark.parametrize("name", ["text-embedding-3-small", "nomic-embed-text", "BAAI/bge-m3", "intfloat/e5-large"])
def test_name_says_that_a_model_embeds(server: Server, name: str) -> None:
    server.answers = [Answer([json.dumps({"data": [{"id": name}]}).encode()], headers=JSON)]

    assert model(server).list_models(Deadline.after(5)) == [ListedModel(name, "embedding")]


@pytest.mark.parametrize("body", [b'{"data": [{}]}', b'{"models": []}', b'{"data": 7}', b"[]"])
def test_bad_list_of_models_is_an_invalid_response(server: Server, body: bytes) -> None:
    server.answers = [Answer([body], headers=JSON)]

    with pytest.raises(ProviderError) as caught:
        model(server).list_models(Deadline.after(5))
    assert caught.value.kind == "invalid_response"
