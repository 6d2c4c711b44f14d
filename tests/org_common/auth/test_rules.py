"""Rules say who may; what of it combines, and as which database role."""

from typing import Any

import pytest

from org_common import PUBLIC, SIGNED_IN, TOKEN, Check, Rule, SysCheck

USER = Check("app.has_org_role(%(org_id)s, 'org_user')")
WS = Check("app.has_ws_role(%(ws_id)s, 'ws_user')")
SYS = SysCheck("sys_admin")


@pytest.mark.parametrize(
    ("rule", "caller", "role", "needs_database"),
    [
        pytest.param(PUBLIC, "anyone", "anon", False, id="PUBLIC"),
        pytest.param(TOKEN, "token", "authenticated", False, id="TOKEN"),
        pytest.param(SIGNED_IN, "user", "authenticated", True, id="SIGNED_IN"),
        pytest.param(USER, "user", "authenticated", True, id="Check"),
        pytest.param(SYS, "user", "app_sys", True, id="SysCheck"),
        pytest.param(USER | WS, "user", "authenticated", True, id="Check | Check"),
        pytest.param(SYS & SYS, "user", "app_sys", True, id="SysCheck & SysCheck"),
    ],
)
def test_rule_says_what_must_be_known_of_the_caller(rule: Rule, caller: str, role: str, needs_database: bool) -> None:
    assert (rule.caller, rule.role, rule.needs_database) == (caller, role, needs_database)
    assert rule.is_public is (rule is PUBLIC)


@pytest.mark.parametrize("rule", [PUBLIC, TOKEN, SIGNED_IN], ids=repr)
def test_rules_about_the_caller_alone_ask_no_sql(rule: Rule) -> None:
    assert rule.expression is None
    assert rule.placeholders == ()


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (PUBLIC, "PUBLIC"),
        (TOKEN, "TOKEN"),
        (SIGNED_IN, "SIGNED_IN"),
        (Check("f(%(org_id)s)"), "Check('f(%(org_id)s)')"),
        (SYS, "SysCheck('sys_admin')"),
        (Check("a()") | Check("b()"), "(Check('a()') | Check('b()'))"),
        (Check("a()") & Check("b()"), "(Check('a()') & Check('b()'))"),
        (Check("a()") | Check("b()") & Check("c()"), "(Check('a()') | (Check('b()') & Check('c()')))"),
    ],
    ids=str,
)
def test_rule_is_shown_as_it_was_written(rule: Rule, name: str) -> None:
    assert (rule.name, repr(rule)) == (name, name)


@pytest.mark.parametrize(
    ("rule", "expression"),
    [
        (Check("a()") | Check("b()"), "app.any_of(a(), b())"),
        (Check("a()") & Check("b()"), "app.all_of(a(), b())"),
        (Check("a()") | Check("b()") | Check("c()"), "app.any_of(app.any_of(a(), b()), c())"),
        (Check("a()") | Check("b()") & Check("c()"), "app.any_of(a(), app.all_of(b(), c()))"),
        (SYS | SysCheck("sys_owner"), "app.any_of(app.has_sys_role('sys_admin'), app.has_sys_role('sys_owner'))"),
    ],
    ids=str,
)
def test_combined_rules_are_one_expression(rule: Rule, expression: str) -> None:
    assert rule.expression == expression


def test_combining_leaves_the_parts_as_they_were() -> None:
    before = (USER.name, USER.expression, USER.placeholders)

    _ = USER | WS

    assert (USER.name, USER.expression, USER.placeholders) == before


@pytest.mark.parametrize(
    ("rule", "placeholders"),
    [
        pytest.param(Check("true"), [], id="none"),
        pytest.param(USER, ["org_id"], id="one"),
        pytest.param(Check("f(%(a)s, %(b)s)"), ["a", "b"], id="two"),
        pytest.param(USER | WS, ["org_id", "ws_id"], id="of both sides"),
        pytest.param(Check("name like 'a%%' and f(%(a)s)"), ["a"], id="beside an escaped percent"),
    ],
)
def test_placeholders_are_collected(rule: Rule, placeholders: list[str]) -> None:
    assert list(rule.placeholders) == placeholders


@pytest.mark.parametrize("alone", [PUBLIC, TOKEN, SIGNED_IN], ids=repr)
@pytest.mark.parametrize("combine", [Rule.__or__, Rule.__and__], ids=["|", "&"])
def test_rules_about_the_caller_do_not_combine(alone: Rule, combine: Any) -> None:
    with pytest.raises(TypeError, match=r"only Check and SysCheck combine"):
        combine(USER, alone)
    with pytest.raises(TypeError, match=r"only Check and SysCheck combine"):
        combine(alone, USER)


@pytest.mark.parametrize("combine", [Rule.__or__, Rule.__and__], ids=["|", "&"])
def test_rules_of_two_roles_do_not_combine(combine: Any) -> None:
    with pytest.raises(TypeError, match=r"one database role.*Declare two routes"):
        combine(USER, SYS)


@pytest.mark.parametrize("other", [None, True, "app.is_member()", Check], ids=repr)
def test_rule_does_not_combine_with_something_else(other: Any) -> None:
    with pytest.raises(TypeError):
        USER | other
    with pytest.raises(TypeError):
        USER & other


@pytest.mark.parametrize("expression", ["", " ", "\n\t"])
def test_check_without_sql_is_refused(expression: Any) -> None:
    with pytest.raises(TypeError, match=r"needs an SQL expression\. Example: Check\("):
        Check(expression)


@pytest.mark.parametrize("role", ["", "sys", "org_owner", "SYS_ADMIN", "sys_admin'", None])
def test_unknown_sys_role_is_refused(role: Any) -> None:
    with pytest.raises(TypeError, match="the sys roles are sys_user, sys_admin, sys_owner"):
        SysCheck(role)


@pytest.mark.parametrize("role", ["sys_user", "sys_admin", "sys_owner"])
def test_sys_check_asks_for_its_role(role: Any) -> None:
    assert SysCheck(role).expression == f"app.has_sys_role('{role}')"
