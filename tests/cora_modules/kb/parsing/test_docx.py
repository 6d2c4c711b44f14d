import io

import pytest

from cora_modules.kb.parsing.bad_file import BadFile
from cora_modules.kb.parsing.docx import parse
from cora_modules.kb.parsing.parsed import Parsed
from tests.cora_modules.kb.files import W, docx, paragraph, zipped
from tests.cora_modules.kb.parsing.nothing import nothing


def read(body: str, **parts: bytes) -> Parsed:
    return parse(io.BytesIO(docx(body, **parts)), nothing)


def run(text: str) -> str:
    return f"<w:r><w:t>{text}</w:t></w:r>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (f"<w:p>{run('a')}<w:ins>{run('b')}</w:ins></w:p>", "ab"),
        (f"<w:p>{run('a')}<w:del><w:r><w:delText>x</w:delText></w:r></w:del></w:p>", "a"),
        # It holds w:t, unlike w:del.
        (f"<w:p>{run('a')}<w:moveFrom>{run('x')}</w:moveFrom><w:moveTo>{run('b')}</w:moveTo></w:p>", "ab"),
        (f"<w:p><w:hyperlink>{run('a')}</w:hyperlink></w:p>", "a"),
        (f"<w:p><w:sdt><w:sdtContent>{run('a')}</w:sdtContent></w:sdt></w:p>", "a"),
        (f"<w:sdt><w:sdtContent>{paragraph('a')}</w:sdtContent></w:sdt>", "a"),
        (f"<w:p><w:fldSimple>{run('5')}</w:fldSimple><w:smartTag>{run('b')}</w:smartTag></w:p>", "5b"),
        ("<w:p><w:r><w:instrText>PAGE</w:instrText></w:r></w:p>" + paragraph("a"), "a"),
        (
            "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t><w:noBreakHyphen/></w:r></w:p>",
            "a\tb\nc\u2011",
        ),
    ],
    ids=["inserted", "deleted", "moved", "link", "control", "block control", "field", "instruction", "signs"],
)
def test_nothing_of_a_paragraph_is_lost(body: str, text: str) -> None:
    assert read(body).text == text


def test_text_box_is_read_once() -> None:
    """Word writes it twice, for new and for old readers."""
    box = f"<w:txbxContent>{paragraph('in the box')}</w:txbxContent>"
    both = (
        f'<mc:AlternateContent><mc:Choice Requires="wps">{box}</mc:Choice>'
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent>"
    )

    assert read(f"<w:p>{run('a')}<w:r>{both}</w:r>{run('b')}</w:p>").text == "in the box\n\nab"


def test_rows_of_tables_are_blocks() -> None:
    """Merged cells stand once; a nested table is part of its cell."""
    inner = f"<w:tbl><w:tr><w:tc>{paragraph('x')}</w:tc><w:tc>{paragraph('y')}</w:tc></w:tr></w:tbl>"
    merged = f'<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>{paragraph("wide")}</w:tc>'
    rows = f"<w:tr><w:tc>{paragraph('a')}{paragraph('b')}</w:tc>{merged}</w:tr><w:tr><w:tc>{inner}</w:tc></w:tr>"

    assert read(f"<w:tbl>{rows}</w:tbl>{paragraph('after')}").text == "a b\twide\n\nx\ty\n\nafter"


def test_headings_are_found_by_name_and_by_outline_level() -> None:
    """The ids of styles depend on Word's language."""
    outline = f'<w:p><w:pPr><w:outlineLvl w:val="1"/></w:pPr>{run("d")}</w:p>'
    body = paragraph("a", style="Kop1") + paragraph("b", style="Kop2") + paragraph("c", style="Own") + outline

    assert [(block.level, block.title) for block in read(body + paragraph("e")).blocks] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
        (2, "d"),
        (0, ""),
    ]


def test_notes_are_at_the_end() -> None:
    notes = f'<w:footnotes xmlns:w="{W}"><w:footnote>{paragraph("a note")}</w:footnote></w:footnotes>'.encode()

    assert read(paragraph("text"), word__footnotes_xml=notes).text == "text\n\na note"


def test_large_document_is_read_with_little_memory() -> None:
    body = paragraph("word " * 20) * 20_000

    assert len(read(body).blocks) == 20_000


def test_entities_are_not_expanded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    types = b'<Types><Override ContentType="wordprocessingml.document.main"/></Types>'
    document = bomb + f'<w:document xmlns:w="{W}"><w:p><w:r><w:t>x&b;</w:t></w:r></w:p></w:document>'.encode()
    content = zipped(**{"[Content_Types]_xml": types, "word__document_xml": document})

    assert "aaaa" not in parse(io.BytesIO(content), nothing).text


def test_document_without_its_main_part_has_no_text() -> None:
    content = zipped(**{"[Content_Types]_xml": b"<Types/>", "other_xml": b"<x/>"})

    assert parse(io.BytesIO(content), nothing).blocks == []


def test_bomb_is_refused_before_it_is_unpacked() -> None:
    with pytest.raises(BadFile) as caught:
        read("<w:p/>", word__media_xml=bytes(260_000_000))

    assert caught.value.reason == "too_large"
