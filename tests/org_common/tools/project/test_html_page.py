from html.parser import HTMLParser

from org_common.tools.project.html_page import html_page, section, table


class Text(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.opened: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.opened.append(tag)

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.found.append((self.opened[-1], data.strip()))


def test_headings_are_text_and_parts_are_html() -> None:
    page = html_page("A & B <i>", [section("Size < 1", "<b>one</b>"), "<p>{title} stays</p>"])

    assert [each for each in Text(page).found if each[0] != "style"] == [
        ("title", "A & B <i>"),
        ("h1", "A & B <i>"),
        ("h2", "Size < 1"),
        ("b", "one"),
        ("p", "{title} stays"),
    ]


def test_style_is_added_to_that_of_all_pages() -> None:
    [(_, style)] = [each for each in Text(html_page("A", [], "  td { color: red; }\n")).found if each[0] == "style"]

    assert style.startswith("body {")
    assert style.endswith("td { color: red; }")


def test_page_loads_nothing_and_runs_nothing() -> None:
    page = html_page("A", [])

    assert "default-src 'none'" in page
    assert not {"script", "link", "img"} & {*Text(page).opened}


def test_cells_are_html_and_heads_are_text() -> None:
    assert table(("a < b", ""), [["<b>1</b>", "2"]]) == (
        "<table><tr><th>a &lt; b</th><th></th></tr><tr><td><b>1</b></td><td>2</td></tr></table>"
    )
