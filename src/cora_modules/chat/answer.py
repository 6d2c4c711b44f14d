"""The answer to a question: retrieval, the model's words as events, and what is stored in the end."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID, uuid5

from org_common import (
    CommitUnknown,
    Database,
    Deadline,
    Event,
    Forbidden,
    GatewayTimeout,
    Identity,
    Json,
    NotFound,
    OrgError,
    Unavailable,
    reader,
    transaction,
)

from cora_modules.ai.models.resolved_model import EffectiveConfig, ResolvedModel
from cora_modules.ai.models_in_use import record_call
from cora_modules.ai.provider import ChatRequest, ErrorKind, ProviderError, Reply, Usage
from cora_modules.ai.provider_for import provider_for
from cora_modules.chat.deltas import Deltas
from cora_modules.chat.models.messages import Citation, FinishReason
from cora_modules.chat.models.streaming import Asked, Citations, Delta, Done, Start, TokenUsage
from cora_modules.chat.prompt import build_request
from cora_modules.chat.queries import streaming as queries
from cora_modules.chat.retrieval import retrieve
from cora_modules.kb.models.search import SearchedBase
from cora_modules.kb.passages import QuestionVector

STORE_S = 2.0
"""Kept free of the deadline, to store what has arrived."""
ATTEMPTS = 3
"""How often the answer is stored if the connection is lost. Its id makes a repetition harmless."""
LONGEST = 200_000
"""How long a stored answer is, in characters. A provider that sends more is broken."""
_ERRORS: dict[ErrorKind, str] = {
    "refused": "The model refused the request.",
    "throttled": "The model is busy. Try again in a moment.",
    "unavailable": "The model does not respond. Try again later.",
    "timeout": "The model took too long.",
    "cut": "The model stopped before its answer was complete.",
    "invalid_response": "The model sent something that is not an answer.",
}


@dataclass(slots=True)
class Answering:
    """A question that is being answered."""

    asked: Asked
    question: str
    bases: list[SearchedBase]
    model: ResolvedModel
    config: EffectiveConfig
    identity: Identity
    database: Database
    deadline: Deadline
    citations: list[Citation] = field(default_factory=list)
    vectors: list[QuestionVector] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    """What has arrived of the answer."""
    request: ChatRequest | None = None
    deltas: Deltas | None = None
    """None until the model is called."""
    begun_s: float = 0.0

    def events(self) -> Iterator[Event | None]:
        """Answer, and store the answer: when it is complete, when the model fails, and when the client hangs up."""
        asked = self.asked
        try:
            start = Start(question_id=asked.message_id, message_id=asked.answer_id, model=self.model.model_id)
            yield Event(start, event="start")
            yield from self._retrieve()
            yield from self._ask_model()
        except GeneratorExit:
            self._store("cancelled", "cancelled")
            raise
        except ProviderError as error:
            self._store("error", error.kind)
            raise _problem(error) from error
        except BaseException:
            self._store("error", "unavailable")
            raise
        reason = self._reply().finish_reason
        assert reason is not None
        usage = self._store(reason, None)
        tokens = TokenUsage(tokens_in=usage.tokens_in, tokens_out=usage.tokens_out)
        yield Event(Done(message_id=asked.answer_id, finish_reason=reason, usage=tokens), event="done")

    def _retrieve(self) -> Iterator[Event | None]:
        if self.bases:
            left_s = max(self.deadline.left_s() - STORE_S, 0.0)
            with reader(self.identity, database=self.database, timeout_s=left_s) as db:
                found = retrieve(db, self.bases, self.question, self.config, self.deadline)
            self.citations, self.vectors = found
        yield Event(Citations(items=self.citations), event="citations")

    def _ask_model(self) -> Iterator[Event | None]:
        """The words of the model. No connection to the database is held while it speaks."""
        request = build_request(self.config, self.asked.conversation, self.question, self.citations)
        deadline = Deadline(self.deadline.at_s - STORE_S)
        self.request, self.begun_s = request, time.monotonic()
        provider = provider_for(self.model)
        self.deltas = deltas = Deltas(lambda: provider.chat(request, deadline), deadline)
        length = 0
        try:
            for delta in deltas:
                text = None if delta is None else clean(delta)
                if not text:
                    yield None
                    continue
                length += len(text)
                if length > LONGEST:
                    raise ProviderError("invalid_response", f"the answer has more than {LONGEST} characters")
                self.parts.append(text)
                yield Event(Delta(text=text), event="delta")
        finally:
            deltas.close()
        if self._reply().finish_reason is None:
            raise ProviderError("cut", "the answer ended without a reason")

    def _reply(self) -> Reply:
        return Reply(iter(())) if self.deltas is None or self.deltas.reply is None else self.deltas.reply

    def _store(self, finish_reason: FinishReason, error: ErrorKind | Literal["cancelled"] | None) -> Usage:
        """Store the answer and what the calls have cost, in one transaction. Returns the usage."""
        usage = self._usage(error)
        latency_ms = round((time.monotonic() - self.begun_s) * 1000)
        values: dict[str, object] = {
            "question_id": self.asked.message_id,
            "answer_id": self.asked.answer_id,
            "content": "".join(self.parts),
            "citations": Json([citation.model_dump(mode="json") for citation in self.citations]),
            "model": self.model.model_id,
            "tokens_in": usage.tokens_in,
            "tokens_out": usage.tokens_out,
            "finish_reason": finish_reason,
            "error": error if finish_reason == "error" else None,
        }
        for attempt in range(1, ATTEMPTS + 1):
            try:
                self._write(values, usage, latency_ms, error)
            except (CommitUnknown, Unavailable):
                if attempt == ATTEMPTS:
                    raise
            else:
                break
        return usage

    def _write(
        self, values: dict[str, object], usage: Usage, latency_ms: int, error: ErrorKind | Literal["cancelled"] | None
    ) -> None:
        asked = self.asked
        with transaction(self.identity, database=self.database) as tx:
            tx.value(queries.ADD_ANSWER, values)
            # Someone who has left the organization meanwhile keeps the answer and is not charged.
            with suppress(Forbidden, NotFound), tx.savepoint():
                for at, call in enumerate(self.vectors, 1):
                    record_call(tx, asked.org_id, _call_id(asked, at), call.model_id, call.usage, call.latency_ms)
                if self.deltas is not None:
                    record_call(tx, asked.org_id, asked.answer_id, self.model.id, usage, latency_ms, error)

    def _usage(self, error: ErrorKind | Literal["cancelled"] | None) -> Usage:
        usage = self._reply().usage
        has_failed = error not in (None, "cancelled") and not self.parts
        if usage != (0, 0) or self.request is None or has_failed:
            return usage
        # A provider tells it at the end. Estimated: four characters are a token.
        request = self.request
        said = [request.system, *[each.content for each in request.messages]]
        given = [each.content for each in request.passages]
        return Usage(sum(map(len, said + given)) // 4, sum(map(len, self.parts)) // 4)


def clean(text: str) -> str:
    """The text without what PostgreSQL and UTF-8 cannot hold: NUL, and half of a surrogate pair."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _call_id(asked: Asked, at: int) -> UUID:
    """The id of the call that embedded the question: the same in each attempt to store."""
    return uuid5(asked.answer_id, str(at))


def _problem(error: ProviderError) -> OrgError:
    kind = GatewayTimeout if error.kind == "timeout" else Unavailable
    return kind(_ERRORS[error.kind], code=f"model_{error.kind}")
