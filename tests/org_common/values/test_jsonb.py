"""Forms in jsonb: models read them back, secrets have none."""

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretBytes, SecretStr, TypeAdapter

from org_common.values.jsonb import Json, dump, has_bytes, is_secret, needs_rendering, restore, text_of
from org_common.values.model import Model, Patch
from org_common.values.secret import Secret

SPAN: TypeAdapter[dt.timedelta] = TypeAdapter(dt.timedelta)


class Leaf(Model):
    digest: bytes
    life: dt.timedelta = dt.timedelta(0)


class Tree(Model):
    leaves: dict[str, list[Leaf | None]]
    trees: "list[Tree]" = Field(default_factory=list)
    pair: tuple[bytes, ...] = ()
    some: set[bytes] = Field(default_factory=set)


class Plain(Model):
    name: str
    at: dt.datetime


class TreePatch(Patch):
    name: str
    leaf: Leaf | None


@dataclass
class Size:
    width: bytes


@given(st.timedeltas(dt.timedelta(days=-41_000_000)))
def test_a_duration_is_read_back(span: dt.timedelta) -> None:
    assert SPAN.validate_python(text_of(span)) == span


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (dt.timedelta(days=365), "P365DT0S"),
        (dt.timedelta(hours=1, microseconds=5), "P0DT3600.000005S"),
        (dt.timedelta(minutes=-90), "-01:30:00"),
        (dt.timedelta(days=-2, microseconds=1), "-47:59:59.999999"),
    ],
)
def test_durations_are_those_of_postgresql(span: dt.timedelta, text: str) -> None:
    assert text_of(span) == text


LEAVES = st.builds(Leaf, digest=st.binary(max_size=5), life=st.timedeltas(dt.timedelta(-999), dt.timedelta(999)))
TREES: st.SearchStrategy[list[Tree]] = st.recursive(
    st.just([]),
    lambda inner: st.lists(
        st.builds(
            Tree,
            leaves=st.dictionaries(st.text(max_size=3), st.lists(st.none() | LEAVES, max_size=2), max_size=2),
            trees=inner,
            pair=st.lists(st.binary(max_size=3), max_size=2).map(tuple),
            some=st.sets(st.binary(max_size=2), max_size=2),
        ),
        max_size=2,
    ),
    max_leaves=3,
)


@given(TREES)
def test_bytes_are_restored_in_depth(trees: Any) -> None:
    for tree in trees:
        assert Tree.model_validate(restore(dump(tree), Tree), by_name=True) == tree


def test_camel_case_that_others_wrote_is_restored_too() -> None:
    class Named(Model):
        a_digest: bytes | None

    assert restore({"aDigest": "\\x6162"}, Named) == {"aDigest": b"ab"}
    assert restore({"a_digest": None}, Named) == {"a_digest": None}
    assert restore(["\\x00", "x"], list[Annotated[bytes, Field()]]) == [b"\0", "x"]


def test_strings_stay_strings() -> None:
    assert restore({"a": "\\x6162"}, dict[str, str]) == {"a": "\\x6162"}
    assert restore("\\x6162", str | bytes) == "\\x6162"


def test_a_patch_has_what_was_sent() -> None:
    assert TreePatch.model_validate_json('{"leaf": {"digest": "_w=="}}').sent() == {"leaf": {"digest": "\\xff"}}


@pytest.mark.parametrize("secret", [SecretStr("x"), SecretBytes(b"x"), Secret("x")], ids=repr)
def test_secrets_have_no_form(secret: Any) -> None:
    class Vault(Model):
        inner: Any

    assert is_secret(type(secret))
    with pytest.raises(ValueError, match=r"the field inner\.a is a Secret"):
        dump(Vault(inner={"a": [secret]}))


@pytest.mark.parametrize("kind", [str, bytes, Model, int, object])
def test_other_types_are_no_secrets(kind: type) -> None:
    assert not is_secret(kind)


def test_models_of_plain_types_are_rendered_once() -> None:
    assert not needs_rendering(Plain)
    assert needs_rendering(Leaf)
    assert needs_rendering(Tree)
    assert has_bytes(list[Tree])
    assert has_bytes(Size)
    assert not has_bytes(Plain)


def test_json_shows_what_it_holds() -> None:
    assert repr(Json({"a": 1})) == "Json({'a': 1})"
    assert Json(5).value == 5
