import pytest

from cora_modules.kb.parsing.bad_file import BadFile
from cora_modules.kb.parsing.parsed import MAX_TEXT, TextBuilder, check_length, storable


def test_blocks_are_where_they_say() -> None:
    builder = TextBuilder()
    for content in ("  Title  of it ", "", "one\ntwo", " \n", "Äpfel 🍏"):
        builder.add(content, level=1 if "Title" in content else 0, page=3)

    parsed = builder.build(7)

    assert parsed.text == "Title  of it\n\none\ntwo\n\nÄpfel 🍏"
    assert [parsed.text[block.start : block.end] for block in parsed.blocks] == parsed.text.split("\n\n")
    assert [(block.level, block.title, block.page) for block in parsed.blocks] == [
        (1, "Title of it", 3),
        (0, "", 3),
        (0, "", 3),
    ]
    assert parsed.page_count == 7


def test_text_that_cannot_be_stored_keeps_its_length() -> None:
    assert storable("a\0b\ud800c") == "a\ufffdb\ufffdc"
    assert storable("Äpfel 🍏\u2028") == "Äpfel 🍏\u2028"


def test_text_has_a_highest_length() -> None:
    check_length(MAX_TEXT)

    with pytest.raises(BadFile, match="60 million"):
        check_length(MAX_TEXT + 1)
