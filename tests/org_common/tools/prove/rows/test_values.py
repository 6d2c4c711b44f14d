import re

import pytest

from org_common.tools.prove.catalog import Column
from org_common.tools.prove.rows.values import candidates, unused


def column(type: str, *checks: str, labels: tuple[str, ...] = (), required: bool = True) -> Column:
    return Column("c", type, type, labels, checks, is_required=required)


def test_literals_of_a_check_come_before_the_type() -> None:
    found = candidates(column("text"), ["(c = ANY (ARRAY['open'::text, 'it''s'::text]))"], "seed")

    assert found[:2] == ["open", "it's"]
    assert candidates(column("integer"), ["((c >= 128) AND (c <= 10240))"], "seed")[:3] == ["128", "10240", "129"]


def test_strings_match_a_regular_expression_and_repeat() -> None:
    check = "(c ~ '^[a-z]{2,5}-[0-9]+$'::text)"
    found = candidates(column("text"), [check], "seed")

    assert found[0]
    assert re.fullmatch(r"[a-z]{2,5}-[0-9]+", found[0])
    assert found == candidates(column("text"), [check], "seed")
    assert "\n" not in found[0]


def test_strings_of_a_regular_expression_have_an_order() -> None:
    """In the order of a set, the first one, which becomes the key of a row, would differ between processes."""
    found = candidates(column("text"), ["(c ~ '^[a-z]{3}$'::text)"], "seed")
    drawn = [each for each in found if each and re.fullmatch("[a-z]{3}", each)]

    assert len(drawn) > 3
    assert drawn == sorted(drawn, reverse=True)


def test_each_row_has_strings_and_numbers_of_its_own() -> None:
    first, second = (candidates(column("text"), [], seed) for seed in ("a", "b"))
    assert first[0] != second[0]

    first, second = (candidates(column("integer"), ["(c > 0)"], seed, is_unique=True) for seed in ("a", "b"))
    assert first[0] != second[0]


@pytest.mark.parametrize(
    ("type", "first"),
    [("boolean", "true"), ("jsonb", "{}"), ("uuid[]", "{}"), ("public.vector(3)", "[1,1,1]"), ("numeric", "1")],
)
def test_types(type: str, first: str) -> None:
    assert candidates(column(type), [], "seed")[0] == first


def test_null_is_last_for_a_nullable_column_and_labels_are_first() -> None:
    found = candidates(column("shop.state", labels=("open", "closed"), required=False), [], "seed")

    assert (found[0], found[-1]) == ("open", None)


@pytest.mark.parametrize(
    ("type", "pattern"),
    [
        ("uuid", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("smallint", r"2\d{4}"),
        ("bigint", r"2\d{4}"),
        ("character varying(2)", r"x\w"),
        ("text", r"x\w{11}"),
    ],
)
def test_missing_key_is_a_value_of_the_type(type: str, pattern: str) -> None:
    assert re.fullmatch(pattern, unused(column(type), "missing") or "")
