import pytest

from cora_modules.kb.parsing.html import parse
from tests.cora_modules.kb.parsing.nothing import nothing


def texts(source: str) -> list[str]:
    parsed = parse(source, nothing)
    assert [parsed.text[block.start : block.end] for block in parsed.blocks] == parsed.text.split(
        "\n\n"
    ) or not parsed.text
    return [parsed.text[block.start : block.end] for block in parsed.blocks]


def test_headings_and_paragraphs() -> None:
    parsed = parse("<h1>One</h1><p>a<h2>Two <i>b</i></h2>c", nothing)

    assert [(block.title, block.level) for block in parsed.blocks] == [("One", 1), ("", 0), ("Two b", 2), ("", 0)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Hel<b>lo</b> <i>you</i>", ["Hello you"]),
        ("one<br>two<br/> three", ["one\ntwo\nthree"]),
        ("<div>a</div><div>b</div>", ["a", "b"]),
        ("<table><tr><td>a<td>b<tr><th>c</table>", ["a\tb", "c"]),
        ("<p>a &amp; b &#128640; &nbsp;c", ["a & b 🚀 \xa0c"]),
        ("<pre>a\n  b</pre>", ["a\n  b"]),
        ("<ul><li>a<li>b</ul>", ["a", "b"]),
        ("a<script>x</script><style>y</style><template>z</template><noscript>n</noscript>b", ["ab"]),
        ("<head><title>T</title></head><body>x", ["x"]),
        ("a</script>b</noscript>c", ["abc"]),
        ("<!-- c -->x<![CDATA[y]]>", ["x"]),
        ("line\n  wrapped\ttext", ["line wrapped text"]),
        ("", []),
    ],
)
def test_text_is_what_a_reader_sees(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


@pytest.mark.parametrize("tag", ["div", "span", "b", "ul"])
def test_text_below_256_elements_and_after_them_is_kept(tag: str) -> None:
    """lxml.html drops both silently."""
    source = f"<{tag}>" * 5000 + "deep" + f"</{tag}>" * 5000 + "<p>after"

    assert texts(source) == ["deep", "after"]
