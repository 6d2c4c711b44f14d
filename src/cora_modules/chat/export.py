"""A chat as a file: Markdown, JSON, or the messages as OpenAI's API takes them."""

import json

from org_common import Response

from cora_modules.chat.models.messages import Citation, Format, Message, Transcript

_SPEAKERS = {"user": "User", "assistant": "Assistant", "system": "Instruction"}
_FILES = {
    "markdown": ("text/markdown; charset=utf-8", "md"),
    "json": ("application/json", "json"),
    "openai": ("application/json", "json"),
}


def render(chat: Transcript, format: Format) -> Response:
    """The response with the file."""
    content_type, suffix = _FILES[format]
    if format == "markdown":
        body = _markdown(chat).encode()
    elif format == "json":
        body = chat.model_dump_json(by_alias=True).encode()
    else:
        messages = [{"role": each.role, "content": each.content} for each in chat.messages]
        body = json.dumps({"messages": messages}, ensure_ascii=False).encode()
    # The id and not the title, which may have any character.
    disposition = f'attachment; filename="chat-{chat.id}.{suffix}"'
    return Response(body, headers={"content-type": content_type, "content-disposition": disposition})


def _markdown(chat: Transcript) -> str:
    return "\n\n".join([f"# {chat.title}", *[_section(message) for message in chat.messages]]) + "\n"


def _section(message: Message) -> str:
    speaker = _SPEAKERS[message.role] + (f" ({message.model})" if message.model else "")
    parts = [f"## {speaker}, {message.created_at:%Y-%m-%d %H:%M} UTC", message.content]
    if message.finish_reason == "cancelled":
        parts.append("*(stopped)*")
    elif message.finish_reason == "error":
        parts.append(f"*(failed: {message.error})*")
    if message.citations:
        parts.append("\n".join(_source(citation) for citation in message.citations))
    return "\n\n".join(part for part in parts if part)


def _source(citation: Citation) -> str:
    page = "" if citation.page is None else f", page {citation.page}"
    return f"- [{citation.number}] {citation.title}{page}, characters {citation.start}-{citation.end}"
