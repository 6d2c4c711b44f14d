"""A model of Bedrock, and how its answer is read to the end."""

from cora_modules.ai.protocols.attempts import Attempts
from cora_modules.ai.protocols.bedrock import Bedrock
from cora_modules.ai.protocols.circuit import Circuit
from cora_modules.ai.provider import ChatRequest, ErrorKind, FinishReason, Message, Passage, ProviderError, Usage
from org_common import Deadline
from tests.cora_modules.ai.protocols.frames import (
    delta,
    event,
    metadata,
    stop,
)
from tests.cora_modules.ai.protocols.server import Server

CLAUDE, TITAN, COHERE = "eu.anthropic.claude-x-v1:0", "amazon.titan-embed-text-v2:0", "cohere.embed-multilingual-v3"
REQUEST = ChatRequest("Answer.", (Message("user", "Why?"),), (Passage("a.md", "Because."),), max_tokens=50)
BEFORE = [event("messageStart", role="assistant"), delta("The"), delta(" end")]
ANSWER = [*BEFORE, event("contentBlockStop", contentBlockIndex=0), stop(), metadata()]


def model(aws: Server, model_id: str = CLAUDE, dimensions: int | None = None) -> Bedrock:
    attempts = Attempts(Circuit(), pause_s=0.001)
    return Bedrock(model_id, attempts, region="eu-central-1", endpoint_url=aws.url, dimensions=dimensions)


def read(bedrock: Bedrock, seconds: float = 5) -> tuple[list[str], ErrorKind | None, FinishReason | None, Usage]:
    """The deltas, the kind of the error that ended them, and the rest of the reply."""
    reply = bedrock.chat(REQUEST, Deadline.after(seconds))
    deltas: list[str] = []
    try:
        deltas.extend(reply.deltas)
    except ProviderError as error:
        return deltas, error.kind, reply.finish_reason, reply.usage
    return deltas, None, reply.finish_reason, reply.usage
