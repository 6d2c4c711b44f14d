"""A model of an OpenAI-compatible server, and how its answer is read to the end."""

from cora_modules.ai.protocols.attempts import Attempts
from cora_modules.ai.protocols.circuit import Circuit
from cora_modules.ai.protocols.openai import OpenAi
from cora_modules.ai.provider import ChatRequest, ErrorKind, FinishReason, Message, Passage, ProviderError, Usage
from org_common import Deadline
from tests.cora_modules.ai.protocols.frames import DONE, chunk, usage
from tests.cora_modules.ai.protocols.server import Server

CONVERSATION = (Message("user", "Who?"), Message("assistant", "I."), Message("user", "Why?"))
REQUEST = ChatRequest("Answer.", CONVERSATION, (Passage("a.md", "Because."),))
BEFORE = [chunk("The"), chunk(" end")]
ANSWER = [chunk("The"), chunk(" end"), chunk(reason="stop"), usage(), DONE]


def model(server: Server, *, gap_s: float = 5, secret_ref: str | None = None, dimensions: int | None = None) -> OpenAi:
    return OpenAi(
        "large",
        server.url + "/v1/",
        Attempts(Circuit(), pause_s=0.001),
        secret_ref=secret_ref,
        dimensions=dimensions,
        gap_s=gap_s,
    )


def read(openai: OpenAi, seconds: float = 5) -> tuple[list[str], ErrorKind | None, FinishReason | None, Usage]:
    """The deltas, the kind of the error that ended them, and the rest of the reply."""
    reply = openai.chat(REQUEST, Deadline.after(seconds))
    deltas: list[str] = []
    try:
        deltas.extend(reply.deltas)
    except ProviderError as error:
        return deltas, error.kind, reply.finish_reason, reply.usage
    return deltas, None, reply.finish_reason, reply.usage
