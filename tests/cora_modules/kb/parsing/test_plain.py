from cora_modules.kb.parsing.plain import parse
from tests.cora_modules.kb.parsing.nothing import nothing


def test_text_is_kept_as_it_is() -> None:
    text = "\n first\r\nline\r\n\r\n  second\u2028same\n \t\nthird\r\rfourth\x85same \n"

    parsed = parse(text, nothing)

    assert parsed.text == text
    assert [text[block.start : block.end] for block in parsed.blocks] == [
        "first\r\nline",
        "second\u2028same",
        "third",
        "fourth\x85same",
    ]


def test_blank_text_has_no_blocks() -> None:
    assert parse(" \n\t\r\n", nothing).blocks == []
