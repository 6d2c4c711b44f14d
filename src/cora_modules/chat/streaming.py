"""Questions, answered as a stream of events."""

from collections.abc import Sequence
from uuid import UUID

from org_common import App, Conflict, Deadline, Event, Identity, NotFound, Stream, Transaction

from cora_modules.ai.models_in_use import effective_config, resolve_model
from cora_modules.chat.answer import Answering
from cora_modules.chat.models.streaming import Answer, Asked, Citations, Delta, Done, Question, Start
from cora_modules.chat.prompt import HISTORY
from cora_modules.chat.queries import streaming as queries
from cora_modules.chat.rules import ChatCheck
from cora_modules.kb.models.search import SearchedBase
from cora_modules.kb.passages import readable_bases

app = App("chat-streaming")


@app.post("/chats/{chat_id}/stream", allow=ChatCheck("edit"))
def stream_answer(tx: Transaction, identity: Identity, deadline: Deadline, chat_id: UUID, body: Question) -> Stream:
    """Store a question, and stream its answer: the events start, citations, delta and done, or error."""
    asked = tx.one(Asked, queries.ASK, {"chat_id": chat_id, "content": body.content, "history": HISTORY})
    answering = Answering(
        asked=asked,
        question=body.content,
        bases=find_bases(tx, asked, body.base_ids),
        model=resolve_model(tx, asked.org_id, "chat", body.model_id),
        config=effective_config(tx, asked.org_id),
        identity=identity,
        database=app.database(),
        deadline=deadline,
    )
    return Stream(answering.events(), document=to_document)


def find_bases(tx: Transaction, asked: Asked, wanted: Sequence[UUID] | None) -> list[SearchedBase]:
    """The bases to answer from: of the chat's organization, and readable by the caller."""
    ids = asked.base_ids if wanted is None else wanted
    if not ids:
        return []
    try:
        bases = readable_bases(tx, ids)
    except NotFound:
        bases = []
    # A caller may read bases of another organization, whose passages must not get into this one.
    if not bases or any(base.org_id != asked.org_id for base in bases):
        raise Conflict("One of these knowledge bases does not exist.", code="broken_reference")
    return bases


def to_document(events: Sequence[Event]) -> Answer:
    """The complete answer, where the platform cannot stream."""
    start, citations, *deltas, done = [event.data for event in events]
    assert isinstance(start, Start)
    assert isinstance(citations, Citations)
    assert isinstance(done, Done)
    return Answer(
        question_id=start.question_id,
        message_id=done.message_id,
        model=start.model,
        content="".join(delta.text for delta in deltas if isinstance(delta, Delta)),
        citations=citations.items,
        finish_reason=done.finish_reason,
        usage=done.usage,
    )
