"""From a file to its text: looks at the first bytes, then chooses the parser."""

from typing import BinaryIO

from cora_modules.kb.parsing.bad_file import BadFile
from cora_modules.kb.parsing.charset import declared_charset, decode
from cora_modules.kb.parsing.file_type import detect
from cora_modules.kb.parsing.parsed import Check, Parsed


def parse(file: BinaryIO, media_type: str, filename: str, check: Check) -> Parsed:
    """The text of a file. Raises `BadFile` with a reason for the user, and what `check` raises.

    Each parser is imported when it is needed.
    """
    file_type = detect(file, media_type, filename)
    if file_type == "pdf":
        from cora_modules.kb.parsing import pdf

        return pdf.parse(file, check)
    if file_type == "docx":
        from cora_modules.kb.parsing import docx

        parsed = docx.parse(file, check)
    else:
        parsed = _parse_text(file, file_type, check)
    if not parsed.blocks:
        raise BadFile("no_text", "The file has no text.")
    return parsed


def _parse_text(file: BinaryIO, file_type: str, check: Check) -> Parsed:
    content = file.read()
    text = decode(content, declared_charset(content) if file_type == "html" else None)
    # Twice the memory otherwise, while the text is parsed.
    del content
    if file_type == "html":
        from cora_modules.kb.parsing import html

        return html.parse(text, check)
    if file_type == "markdown":
        from cora_modules.kb.parsing import markdown

        return markdown.parse(text, check)
    from cora_modules.kb.parsing import plain

    return plain.parse(text, check)
