"""`app.merge_patch()`: RFC 7396, in depth and in time that grows with its input."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.org_common.sql.shop import Unit

pytestmark = pytest.mark.db

# Target, patch and result, of RFC 7396, appendix A.
EXAMPLES: list[tuple[Any, Any, Any]] = [
    ({"a": "b"}, {"a": "c"}, {"a": "c"}),
    ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
    ({"a": "b"}, {"a": None}, {}),
    ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
    ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
    ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
    ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
    ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
    (["a", "b"], ["c", "d"], ["c", "d"]),
    ({"a": "b"}, ["c"], ["c"]),
    ({"a": "foo"}, None, None),
    ({"a": "foo"}, "bar", "bar"),
    ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
    ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
    ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
]
KEYS = st.sampled_from(["a", "b", "c", "", 'q"', "ü"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.characters(categories=["Lu", "Nd"]), max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
MERGE = "select app.merge_patch(%s::jsonb, %s::jsonb)"


def merged(target: Any, patch: Any) -> Any:
    """The pseudocode of RFC 7396, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@pytest.mark.parametrize(("target", "patch", "result"), EXAMPLES)
def test_examples_of_the_rfc(unit: Unit, target: Any, patch: Any, result: Any) -> None:
    with unit({}) as ask:
        assert ask(MERGE, json.dumps(target), json.dumps(patch)) == result == merged(target, patch)


@settings(max_examples=200, deadline=None)
@given(target=JSON, patch=JSON)
def test_any_patch_merges_as_the_rfc_says(unit: Unit, target: Any, patch: Any) -> None:
    with unit({}) as ask:
        assert ask(MERGE, json.dumps(target), json.dumps(patch)) == merged(target, patch)


def test_a_column_that_is_null_becomes_the_patch(unit: Unit) -> None:
    with unit({}) as ask:
        assert ask('select app.merge_patch(null, \'{"a": 1, "b": null}\')') == {"a": 1}
        assert ask("select app.merge_patch('{\"a\": 1}', null)") is None


def test_depth_that_a_body_may_have(unit: Unit) -> None:
    deep = '{"a": ' * 200 + "1" + "}" * 200

    with unit({}) as ask:
        assert ask("select app.merge_patch(%s::jsonb, %s::jsonb) = %s::jsonb", deep, deep, deep) is True


def test_twenty_thousand_members_take_no_minute(unit: Unit) -> None:
    """One `jsonb_set` for each member copies the object each time: 14.5 s."""
    many = "select jsonb_object_agg('k' || n, n) from generate_series(1, 20000) n"

    with unit({}) as ask:
        ask("select set_config('statement_timeout', '5s', true)")
        assert ask(f"select count(*) from jsonb_object_keys(app.merge_patch(({many}), ({many})))") == 20000
