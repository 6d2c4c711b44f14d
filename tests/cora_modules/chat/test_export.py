from datetime import UTC, datetime
from uuid import UUID

from cora_modules.chat.export import render
from cora_modules.chat.models.messages import FinishReason, Message, Transcript

ID = UUID("0198a000-aaaa-7000-8000-00000000c001")


def answer(finish_reason: FinishReason, error: str | None = None) -> Transcript:
    message = Message(
        id=ID,
        role="assistant",
        content="Half an ans",
        citations=[],
        model="some-model",
        tokens_in=1,
        tokens_out=2,
        finish_reason=finish_reason,
        error=error,
        reply_to=None,
        created_at=datetime(2026, 11, 30, 16, 5, tzinfo=UTC),
        created_by=None,
    )
    return Transcript(id=ID, title="Launch", created_at=message.created_at, messages=[message])


def test_stopped_answer_says_so() -> None:
    expected = "# Launch\n\n## Assistant (some-model), 2026-11-30 16:05 UTC\n\nHalf an ans\n\n*(stopped)*\n"

    assert render(answer("cancelled"), "markdown").body.decode() == expected


def test_failed_answer_says_why() -> None:
    assert "*(failed: throttled)*" in render(answer("error", "throttled"), "markdown").body.decode()
