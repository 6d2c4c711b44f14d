from org_common.tools.lint.catalog import Column, Function, Policy, Relation, quoted


def relation(kind: str = "r") -> Relation:
    columns = (Column(1, "org_id", "uuid", False, False, ()), Column(3, "id", "uuid", False, False, ()))
    return Relation(1, "shop", "notes", kind, 10, True, True, False, (), False, (), columns)


def test_relation_is_named_with_its_type() -> None:
    labels = [relation(kind).label for kind in "rpvmfS"]

    assert labels == [
        "table shop.notes",
        "table shop.notes",
        "view shop.notes",
        "materialized view shop.notes",
        "foreign table shop.notes",
        "sequence shop.notes",
    ]


def test_names_are_quoted_where_sql_needs_it() -> None:
    assert [quoted(name) for name in ("notes", "Big notes", 'a"b', "1st")] == [
        "notes",
        '"Big notes"',
        '"a""b"',
        '"1st"',
    ]


def test_columns_are_found_by_name_and_number() -> None:
    table = relation()

    assert table.column("id") is table.columns[1]
    assert table.column("name") is None
    assert table.column_names([3, 0, 1]) == ["id", "(expression)", "org_id"]


def test_policy_for_all_applies_to_each_command() -> None:
    policy = Policy(1, "own", "all", True, (0,), "{CONST :constisnull true}", None, "NULL", None)

    assert all(policy.applies(command) for command in ("select", "insert", "update", "delete"))
    assert policy.using is not None
    assert policy.check is None


def function(tree: str | None) -> Function:
    return Function(
        1, "shop", "total", "id uuid", 10, "sql", False, False, "s", False, True, None, "", tree, ("id",), ()
    )  # fmt: skip


def test_body_of_a_function_may_be_a_list_of_queries() -> None:
    one, several, source = function("{QUERY :x 1}").body, function("(({QUERY :x 1} {QUERY :x 2}))").body, function(None)

    assert one is not None
    assert several is not None
    assert (one.tag, several.tag, source.body) == ("QUERY", "BODY", None)
    assert source.label == "function shop.total(id uuid)"
