"""The documents of the tour are what they say, for the parsers of module kb."""

import io

import pytest

from cora_modules.demo_documents import PUMPS, ROCKETS, DemoDocument
from cora_modules.kb.parsing.parse import parse

TEXTS = {
    "engine.pdf": "burns kerosene",
    "safety.docx": "a yellow helmet",
    "countdown.md": "seven hours",
    "pumps.md": "forty bar",
}


@pytest.mark.parametrize("document", [*ROCKETS, *PUMPS], ids=lambda document: document.filename)
def test_document_can_be_read(document: DemoDocument) -> None:
    parsed = parse(io.BytesIO(document.content), document.media_type, document.filename, lambda: None)

    assert TEXTS[document.filename] in parsed.text


def test_announcement_has_size_and_hash() -> None:
    announced = PUMPS[0].announcement

    assert (announced["sizeBytes"], len(str(announced["sha256"]))) == (len(PUMPS[0].content), 64)
