import pytest

from cora_modules.kb.parsing.html import PENDING, parse
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
        ("a<noscript>x<p>y</p><h2>z</h2></noscript>b", ["a", "b"]),
        ("<noscript><pre>x</pre></noscript>a  b", ["a b"]),
        ("a<script>x", ["a"]),
        ("<pre> a<pre>b  c</pre>d  e</pre>f  g", ["a", "b  c", "d  e", "f g"]),
        ("<pre>a  <br> b", ["a  \n b"]),
        ("a \n <br> \n b", ["a\nb"]),
        ("<table><tr><td> <td> a  <td>\n</table>", ["a"]),
        ("<h1> </h1><h2><b> x </b></h2>", ["x"]),
        ("a&#1;b &#xd801;c &#0;d &#xd805;x", ["a\x01b \ufffdc \ufffdd \ufffdx"]),
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


def test_blocks_of_a_long_page_are_in_order() -> None:
    """They are made in portions."""
    parsed = parse("".join(f"<h2>T{at}</h2><p>{at} <b>b</b><pre>a  {at}</pre>" for at in range(PENDING // 5)), nothing)

    expected = [text for at in range(PENDING // 5) for text in (f"T{at}", f"{at} b", f"a  {at}")]
    assert [parsed.text[block.start : block.end] for block in parsed.blocks] == expected
    assert [(block.level, block.title) for block in parsed.blocks[-3:]] == [(2, expected[-3]), (0, ""), (0, "")]


@pytest.mark.parametrize("tag", ["script", "pre", "p"])
def test_long_element_is_read_as_one(tag: str) -> None:
    source = f"<p>before<{tag}>" + "<i>x</i> " * PENDING + f"</{tag}><p>after"

    first, *between, last = texts(source)

    assert (first, last, len(between)) == ("before", "after", 0 if tag == "script" else 1)
