"""Routing: from a method and a path to a route."""

import re
import sys
from types import FrameType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from org_common.http.routing import Table, parameters, segments
from org_common.values.errors import MethodNotAllowed, NotFound


def routed(*templates: str) -> Table[str]:
    """A table where the name of each route is its template; all methods are GET."""
    table: Table[str] = Table()
    for template in templates:
        table.add("GET", template, template)
    return table


@pytest.mark.parametrize(
    ("path", "route", "values"),
    [
        ("/", "/", []),
        ("/orgs", "/orgs", []),
        ("/orgs/mine", "/orgs/mine", []),
        ("/orgs/7", "/orgs/{org_id}", ["7"]),
        ("/orgs/7/users", "/orgs/{org_id}/users", ["7"]),
        ("/orgs/7/users/8", "/orgs/{org_id}/users/{user_id}", ["7", "8"]),
        ("/orgs/mine/users", "/orgs/{org_id}/users", ["mine"]),
        ("/orgs/mine/users/8", "/orgs/{org_id}/users/{user_id}", ["mine", "8"]),
        ("/orgs/7/users/me", "/orgs/{org_id}/users/me", ["7"]),
        ("/.well-known/jwks.json", "/.well-known/jwks.json", []),
    ],
)
def test_path_finds_its_route(path: str, route: str, values: list[str]) -> None:
    table = routed(
        "/orgs/{org_id}/users/{user_id}",
        "/orgs/{org_id}/users/me",
        "/orgs/{org_id}/users",
        "/orgs/{org_id}",
        "/orgs/mine",
        "/orgs",
        "/.well-known/jwks.json",
        "/",
    )

    assert table.match("GET", path) == (route, values)


def test_order_of_declaration_does_not_matter() -> None:
    templates = ["/a/{x}/b", "/a/c/{y}", "/a/c/b", "/{x}/c/b"]

    assert routed(*templates).match("GET", "/a/c/b") == routed(*reversed(templates)).match("GET", "/a/c/b")


def test_literal_without_a_match_below_falls_back_to_the_parameter() -> None:
    table = routed("/a/b/c", "/a/{x}/d", "/{y}/b/e")

    assert table.match("GET", "/a/b/c") == ("/a/b/c", [])
    assert table.match("GET", "/a/b/d") == ("/a/{x}/d", ["b"])
    assert table.match("GET", "/a/b/e") == ("/{y}/b/e", ["a"])


def test_values_of_an_abandoned_branch_are_dropped() -> None:
    table = routed("/a/{x}/{y}/b", "/{p}/{q}/{r}/c")

    assert table.match("GET", "/a/1/2/c") == ("/{p}/{q}/{r}/c", ["a", "1", "2"])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/org",
        "/orgss",
        "/Orgs",
        "/orgs/",
        "//orgs",
        "/orgs//",
        "/orgs/7/",
        "/orgs//users",
        "/orgs/7/users/8/9",
        "//",
        "/users",
    ],
)
def test_other_paths_are_not_found(path: str) -> None:
    table = routed("/orgs", "/orgs/{org_id}", "/orgs/{org_id}/users")

    with pytest.raises(NotFound) as caught:
        table.match("GET", path)

    assert caught.value.code == "unknown_route"


@pytest.mark.parametrize("depth", [1_000, 100_000])
def test_very_long_paths_are_not_found(depth: int) -> None:
    with pytest.raises(NotFound):
        routed("/orgs/{org_id}", "/{a}/{b}/{c}").match("GET", "/orgs" * depth)


# regression: the first character was removed unchecked, so "xorgs" found "/orgs".
@pytest.mark.parametrize("path", ["xorgs", "?orgs"])
def test_path_without_its_slash_is_not_found(path: str) -> None:
    with pytest.raises(NotFound):
        routed("/orgs").match("GET", path)


@pytest.mark.parametrize("value", ["a b", "a+b", "..", "é", "%41", "100%", "\0"])
def test_values_are_not_decoded_again(value: str) -> None:
    """API Gateway has decoded the path already."""
    assert routed("/tags/{name}").match("GET", f"/tags/{value}") == ("/tags/{name}", [value])


def test_other_method_is_refused_with_the_allowed_ones_in_order() -> None:
    table: Table[str] = Table()
    table.add("PUT", "/orgs/{org_id}", "put")
    table.add("DELETE", "/orgs/{org_id}", "delete")
    table.add("GET", "/orgs/{id}", "get")

    with pytest.raises(MethodNotAllowed) as caught:
        table.match("POST", "/orgs/7")

    assert caught.value.headers == {"Allow": "DELETE, GET, HEAD, OPTIONS, PUT"}


@pytest.mark.parametrize("method", ["get", "GET ", "", "*"])
def test_methods_are_case_sensitive(method: str) -> None:
    with pytest.raises(MethodNotAllowed):
        routed("/orgs").match(method, "/orgs")


def test_methods_of_one_path_are_separate_routes() -> None:
    table = routed("/orgs")
    table.add("POST", "/orgs", "create")

    assert table.match("GET", "/orgs") == ("/orgs", [])
    assert table.match("POST", "/orgs") == ("create", [])


@pytest.mark.parametrize("template", ["/orgs/{org_id}", "/orgs/{id}"])
def test_same_method_and_path_twice_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"GET /orgs/\{\w+\} is declared twice"):
        routed("/orgs/{org_id}", template)


def test_path_is_known_whatever_its_method() -> None:
    table = routed("/orgs/{org_id}/users")

    assert table.knows("/orgs/7/users")
    assert not table.knows("/orgs/7")


def test_routes_of_a_path_are_those_of_all_its_methods() -> None:
    table: Table[str] = Table()
    for method in ("GET", "PUT"):
        table.add(method, "/orgs/{org_id}", method)
    table.add("POST", "/orgs", "POST")

    assert table.routes_of("/orgs/7") == ["GET", "PUT"]
    assert table.routes_of("/users") == []


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("", "must begin with '/'"),
        ("orgs", "must begin with '/'"),
        ("{org_id}", "must begin with '/'"),
        ("/orgs/", "the segment ''"),
        ("//orgs", "the segment ''"),
        ("/orgs//users", "the segment ''"),
        ("/{Org}", "the segment '{Org}'"),
        ("/{orgId}", "the segment '{orgId}'"),
        ("/{1st}", "the segment '{1st}'"),
        ("/{}", "the segment '{}'"),
        ("/{org id}", "the segment '{org id}'"),
        ("/{org_id", "the segment '{org_id'"),
        ("/a{b}", "the segment 'a{b}'"),
        ("/{a}{b}", "the segment '{a}{b}'"),
        ("/{a}.json", "the segment '{a}.json'"),
        ("/{path:path}", "the segment '{path:path}'"),
        ("/{proxy+}", "the segment '{proxy+}'"),
        ("/<int:id>", "the segment '<int:id>'"),
        ("/orgs/*", "the segment '*'"),
        ("/a%20b", "the segment 'a%20b'"),
        ("/größe", "the segment 'größe'"),
        ("/orgs?x=1", "the segment 'orgs?x=1'"),
        ("/orgs\n", "the segment 'orgs\\n'"),
        ("/{a}/{b}/{a}", "the parameter {a} appears twice"),
    ],
)
def test_malformed_template_is_refused(template: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        segments(template)


def test_parameters_are_listed_in_order() -> None:
    assert parameters("/orgs/{org_id}/ws/{ws_id}") == ["org_id", "ws_id"]
    assert parameters("/") == []


def joined(parts: list[str]) -> str:
    return "/" + "/".join(parts)


TEMPLATES = st.lists(st.sampled_from(["a", "b", "c", "{x}", "{y}"]), max_size=4).map(joined)
PATHS = st.lists(st.sampled_from(["a", "b", "c", "", "1", "A", "{x}", "%61"]), max_size=5).map(joined)


def names_are_unique(template: str) -> bool:
    return template.count("{x}") < 2 and template.count("{y}") < 2


def sort_key(template: str) -> tuple[str, ...]:
    """The template with its parameters unnamed; a literal sorts before a parameter."""
    return tuple(re.sub(r"\{\w\}", "~", template).split("/"))


def match_by_pattern(templates: list[str], path: str) -> str | None:
    """The most literal of the templates whose regular expression matches."""
    matching = [template for template in templates if re.fullmatch(re.sub(r"\{\w\}", "[^/]+", template), path)]
    return min(matching, key=sort_key, default=None)


def match(table: Table[str], path: str) -> str | None:
    return table.match("GET", path)[0] if table.knows(path) else None


@example(templates=["/", "/{x}/a"], path="//a")
@given(templates=st.lists(TEMPLATES.filter(names_are_unique), unique_by=sort_key, max_size=12), path=PATHS)
def test_table_agrees_with_regular_expressions(templates: list[str], path: str) -> None:
    assert match(routed(*templates), path) == match_by_pattern(templates, path)


def calls(table: Table[str], path: str) -> int:
    """How many functions a lookup calls, built-in ones too: a measure of work without a clock."""
    count = 0

    def count_calls(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    previous = sys.getprofile()
    sys.setprofile(count_calls)
    try:
        table.match("GET", path)
    finally:
        sys.setprofile(previous)
    return count


def test_lookup_cost_does_not_grow_with_the_table() -> None:
    few = routed("/orgs/{org_id}/users/{user_id}")
    many = routed(
        "/orgs/{org_id}/users/{user_id}",
        *[f"/orgs/{{org_id}}/{name}/{{id}}" for name in map("n{}".format, range(2000))],
    )

    assert calls(many, "/orgs/7/users/8") == calls(few, "/orgs/7/users/8")
