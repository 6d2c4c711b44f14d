from org_common.tools.check.tree.node import Node, parse


def test_tree_has_fields_lists_and_nodes() -> None:
    tree = parse("{QUERY :commandType 1 :canSetTag true :cteList <> :rtable ({VAR :varno 2} {VAR :varno 3})}")

    assert isinstance(tree, Node)
    assert (tree.kind, tree.number("commandType"), tree.is_true("canSetTag")) == ("QUERY", 1, True)
    assert tree["cteList"] is None
    assert [each.number("varno") for each in tree.items("rtable")] == [2, 3]


def test_missing_fields_are_empty() -> None:
    node = parse("{VAR :varno 1}")

    assert (node["x"], node.number("x"), node.is_true("x"), node.items("x")) == (None, 0, False, [])


def test_constants_are_their_bytes() -> None:
    assert parse("{CONST :constvalue 5 [ 20 0 0 0 97 ] :location -1}").items("constvalue") == [
        "20",
        "0",
        "0",
        "0",
        "97",
    ]


def test_names_are_unescaped() -> None:
    node = parse(r'{ALIAS :aliasname two\ words :colnames ("a \"b\"" "c")}')

    assert (node["aliasname"], node["colnames"]) == ("two words", ['a "b"', "c"])


def test_lines_are_wrapped_anywhere() -> None:
    assert parse("{VAR :varno\n1\n:vartype 25}").number("vartype") == 25


def test_walk_visits_each_node() -> None:
    kinds = sorted(node.kind for node in parse("{A :x {B :y ({C} {D :z {E}})}}").walk())

    assert kinds == ["A", "B", "C", "D", "E"]
    assert repr(parse("{A :x 1}")) == "{A}"


def test_children_are_those_of_fields_and_lists() -> None:
    tree = parse("{A :first {B :x 1} :others ({C :inner {D}} 2 ({E}))}")

    assert sorted(each.kind for each in tree.children()) == ["B", "C", "E"]
