import codecs

import pytest

from cora_modules.kb.parsing.bad_file import BadFile
from cora_modules.kb.parsing.charset import declared_charset, decode

TEXT = "Äpfel für 5 €, œuvre “naïve”"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.encode("utf-16"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 mark", "utf-16", "utf-16 big", "utf-32", "windows-1252"],
)
def test_text_is_read(content: bytes) -> None:
    assert decode(content) == TEXT


@pytest.mark.parametrize(
    ("head", "declared"),
    [
        (b'<meta charset="ISO-8859-7">', "iso-8859-7"),
        (b"<META content='text/html; charset=koi8-r' http-equiv=x>", "koi8-r"),
        (b'<?xml version="1.0" encoding="Shift_JIS"?>', "shift_jis"),
        (b"<p>charset=utf-7</p>", None),
    ],
)
def test_declaration_is_found(head: bytes, declared: str | None) -> None:
    assert declared_charset(head) == declared


@pytest.mark.parametrize(("charset", "text"), [("koi8-r", "Привет"), ("iso-8859-7", "Γειά"), ("shift_jis", "日本")])
def test_declared_charset_is_used(charset: str, text: str) -> None:
    assert decode(text.encode(charset), charset) == text


def test_utf8_wins_over_a_wrong_declaration() -> None:
    assert decode(TEXT.encode(), "iso-8859-1") == TEXT


@pytest.mark.parametrize("declared", ["iso-8859-1", "latin1", "us-ascii", "no-such-charset", None])
def test_latin_1_is_windows_1252_as_in_browsers(declared: str | None) -> None:
    assert decode(b"5 \x80 \x93x\x94", declared) == "5 € “x”"


def test_every_byte_is_a_character_of_windows_1252() -> None:
    content = bytes(range(1, 256))

    assert len(decode(content)) == 255


@pytest.mark.parametrize("content", [b"a\0b", b"\xff\0\x01", bytes(100)])
def test_binary_content_is_refused(content: bytes) -> None:
    with pytest.raises(BadFile) as caught:
        decode(content)

    assert caught.value.reason == "wrong_type"
