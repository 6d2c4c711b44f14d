"""What a caller asks of a list, and one page of it."""

from org_common.values.paging import DEFAULT_LIMIT, MAX_LIMIT, Page, PageRequest


def test_default_limit_is_within_the_allowed() -> None:
    assert (DEFAULT_LIMIT, MAX_LIMIT) == (50, 100)


def test_request_without_words_is_the_first_page() -> None:
    page = PageRequest()

    assert (page.limit, page.cursor, page.scope) == (50, None, "")


def test_request_keeps_what_was_asked() -> None:
    page = PageRequest(limit=7, cursor="abc", scope="GET /orgs")

    assert (page.limit, page.cursor, page.scope) == (7, "abc", "GET /orgs")


def test_page_holds_its_items_in_order() -> None:
    page = Page([3, 1, 2], next_cursor="abc")

    assert (page.items, page.next_cursor) == ([3, 1, 2], "abc")


def test_last_page_has_no_cursor() -> None:
    assert Page[int]([], None).next_cursor is None
