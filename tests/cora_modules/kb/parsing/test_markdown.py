import pytest

from cora_modules.kb.parsing import markdown
from cora_modules.kb.parsing.markdown import parse
from tests.cora_modules.kb.parsing.nothing import nothing


def blocks(text: str) -> list[tuple[str, int, str]]:
    parsed = parse(text, nothing)
    assert parsed.text == text
    return [(text[block.start : block.end], block.level, block.title) for block in parsed.blocks]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_blocks_are_found_with_every_line_ending(end: str) -> None:
    lines = ["# One *a*", "", "Text\u2028with\x85signs", "- x", "- y", "", "Two", "---", "```", "code", "", "```"]

    found = blocks(end.join(lines))

    assert found == [
        ("# One *a*", 1, "One *a*"),
        ("Text\u2028with\x85signs", 0, ""),
        ("- x", 0, ""),
        ("- y", 0, ""),
        ("Two" + end + "---", 2, "Two"),
        (end.join(["```", "code", "", "```"]), 0, ""),
    ]


def test_table_is_one_block() -> None:
    """Its cells have no lines of their own in the tokens."""
    table = "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |"

    assert blocks("Before\n\n" + table + "\n\nAfter") == [("Before", 0, ""), (table, 0, ""), ("After", 0, "")]


def test_what_has_no_token_is_in_a_block() -> None:
    """Link definitions, and everything before the first block."""
    text = "[a]: http://a.example\n\n# T\n\n[b]: http://b.example\n\n> quoted\n>\n> - x"

    assert "".join(content for content, _, _ in blocks(text)).replace("\n", "") == text.replace("\n", "")


def test_long_text_is_parsed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "".join(f"# H{at}\n\nText {at}\n\n" for at in range(300))
    complete = blocks(text)
    monkeypatch.setattr(markdown, "PIECE", 100)

    assert blocks(text) == complete


def test_blank_text_has_no_blocks() -> None:
    assert blocks(" \n\n") == []
