"""Rules say who may; what of it combines, and as which database role."""

from typing import Any, Literal, get_args

import pytest

from org_common import PUBLIC, SIGNED_IN, TOKEN, Check, Ladder, OrgCheck, OrgRole, Rule, SysCheck, SysRole

USER = OrgCheck("org_user")
WsRole = Literal["ws_user", "ws_admin", "ws_owner"]
WsCheck: Ladder[WsRole] = Ladder("app.has_ws_role", parameter="ws_id", roles=("ws_user", "ws_admin", "ws_owner"))
WS = WsCheck("ws_user")
SYS = SysCheck("sys_admin")


@pytest.mark.parametrize(
    ("rule", "caller", "role", "needs_database"),
    [
        pytest.param(PUBLIC, "anyone", "anon", False, id="PUBLIC"),
        pytest.param(TOKEN, "token", "authenticated", False, id="TOKEN"),
        pytest.param(SIGNED_IN, "user", "authenticated", True, id="SIGNED_IN"),
        pytest.param(Check("true"), "user", "authenticated", True, id="Check"),
        pytest.param(USER, "user", "authenticated", True, id="OrgCheck"),
        pytest.param(WS, "user", "authenticated", True, id="a ladder of one's own"),
        pytest.param(SYS, "user", "app_sys", True, id="SysCheck"),
        pytest.param(USER | WS, "user", "authenticated", True, id="OrgCheck | WsCheck"),
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
        (OrgCheck("org_admin"), "OrgCheck('org_admin')"),
        (OrgCheck("org_admin", parameter="org_id"), "OrgCheck('org_admin')"),
        (OrgCheck("org_admin", parameter="tenant_id"), "OrgCheck('org_admin', parameter='tenant_id')"),
        (WsCheck("ws_admin"), "WsCheck('ws_admin')"),
        (
            OrgCheck("org_admin") | USER & Check("a()"),
            "(OrgCheck('org_admin') | (OrgCheck('org_user') & Check('a()')))",
        ),
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
        pytest.param(OrgCheck("org_user", parameter="tenant_id"), ["tenant_id"], id="of another name"),
        pytest.param(Check("f(%(a)s, %(b)s)"), ["a", "b"], id="two"),
        pytest.param(USER | WS, ["org_id", "ws_id"], id="of both sides"),
        pytest.param(Check("name like 'a%%' and f(%(a)s)"), ["a"], id="beside an escaped percent"),
        pytest.param(Check("f(%(a)s) and g(%(b"), ["a"], id="without one that does not end"),
        pytest.param(Check("f(%(a)s) and g(%(b c)s)"), ["a"], id="without one that is not a name"),
    ],
)
def test_placeholders_are_collected(rule: Rule, placeholders: list[str]) -> None:
    assert list(rule.placeholders) == placeholders


@pytest.mark.parametrize("alone", [PUBLIC, TOKEN, SIGNED_IN], ids=repr)
@pytest.mark.parametrize("combine", [Rule.__or__, Rule.__and__], ids=["|", "&"])
def test_rules_about_the_caller_do_not_combine(alone: Rule, combine: Any) -> None:
    with pytest.raises(TypeError, match=r"PUBLIC, TOKEN and SIGNED_IN do not combine with other rules"):
        combine(USER, alone)
    with pytest.raises(TypeError, match=r"PUBLIC, TOKEN and SIGNED_IN do not combine with other rules"):
        combine(alone, USER)


@pytest.mark.parametrize("combine", [Rule.__or__, Rule.__and__], ids=["|", "&"])
def test_rules_of_two_roles_do_not_combine(combine: Any) -> None:
    with pytest.raises(
        TypeError, match=r"one database role, and these rules need authenticated and app_sys\. Declare two"
    ):
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
    with pytest.raises(TypeError, match="not a valid role.* The roles are sys_user, sys_admin, sys_owner"):
        SysCheck(role)


@pytest.mark.parametrize("role", ["sys_user", "sys_admin", "sys_owner"])
def test_sys_check_asks_for_its_role(role: Any) -> None:
    assert SysCheck(role).expression == f"app.has_sys_role('{role}')"


# --- ladders ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["org_user", "org_admin", "org_owner"])
def test_org_check_sends_the_sql_that_one_would_write(role: Any) -> None:
    assert OrgCheck(role).expression == f"app.has_org_role(%(org_id)s, '{role}')"


def test_parameter_of_another_name_takes_its_place() -> None:
    rule = OrgCheck("org_admin", parameter="tenant_id")

    assert rule.expression == "app.has_org_role(%(tenant_id)s, 'org_admin')"


def test_ladder_of_a_project_is_like_ours() -> None:
    rule = WsCheck("ws_admin") | OrgCheck("org_admin")

    assert (
        rule.expression
        == "app.any_of(app.has_ws_role(%(ws_id)s, 'ws_admin'), app.has_org_role(%(org_id)s, 'org_admin'))"
    )
    assert (rule.placeholders, rule.role) == (("ws_id", "org_id"), "authenticated")


def test_roles_have_one_home() -> None:
    assert OrgCheck.roles == get_args(OrgRole) == ("org_user", "org_admin", "org_owner")
    assert get_args(SysRole) == ("sys_user", "sys_admin", "sys_owner")


@pytest.mark.parametrize(
    ("call", "role", "near"),
    [
        (OrgCheck, "org_admn", "org_admin"),
        (OrgCheck, "org_onwer", "org_owner"),
        (OrgCheck, "ORG_ADMIN", "org_admin"),
        (OrgCheck, "admin", "org_admin"),
        (OrgCheck, "org_admin'", "org_admin"),
        (OrgCheck, "sys_owner", "org_owner"),
        (WsCheck, "ws_amin", "ws_admin"),
        (SysCheck, "sys_owners", "sys_owner"),
    ],
)
def test_misspelt_role_names_the_nearest(call: Any, role: str, near: str) -> None:
    with pytest.raises(TypeError, match=f"not a valid role. Did you mean '{near}'"):
        call(role)


@pytest.mark.parametrize("role", ["", "member", None, 3, [], OrgCheck])
def test_what_is_like_no_role_names_them_all(role: Any) -> None:
    with pytest.raises(TypeError, match=r"not a valid role\. The roles are org_user, org_admin, org_owner$"):
        OrgCheck(role)


@pytest.mark.parametrize("parameter", ["", "org-id", "a b", "id)s, 'x') or (%(b", "1"])
def test_parameter_must_be_a_name(parameter: Any) -> None:
    with pytest.raises(TypeError, match="is not the name of a path parameter"):
        OrgCheck("org_user", parameter=parameter)
    with pytest.raises(TypeError, match="is not the name of a path parameter"):
        Ladder("app.has_ws_role", parameter=parameter, roles=("ws_user",))


@pytest.mark.parametrize("function", ["", "app.", "app.has ws", "true or app.f", "app.f()", "app.%s"])
def test_function_must_be_a_name(function: Any) -> None:
    with pytest.raises(TypeError, match=r'expected the name of an SQL function\. Example: "app.has_ws_role"'):
        Ladder(function, parameter="ws_id", roles=("ws_user",))


@pytest.mark.parametrize("roles", [(), [], "ws_user", ("ws_user", ""), ("o'brien",), ("50%",), ("a b",)], ids=repr)
def test_roles_must_be_names(roles: Any) -> None:
    with pytest.raises(TypeError, match=r"must be names of .* Example: \(\"ws_user\""):
        Ladder("app.has_ws_role", parameter="ws_id", roles=roles)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("app.has_ws_role", "WsCheck"),
        ("shop.has_sales_region_role", "SalesRegionCheck"),
        ("has_team_role", "TeamCheck"),
        ("app.may_use", "MayUseCheck"),
    ],
)
def test_ladder_is_named_after_its_function(function: Any, name: str) -> None:
    assert repr(Ladder(function, parameter="id", roles=("user",))) == name


def test_ladder_can_have_a_name_of_its_own() -> None:
    team = Ladder("hr.membership", parameter="team_id", roles=("guest", "team-lead"), name="TeamCheck")

    assert repr(team("team-lead")) == "TeamCheck('team-lead')"
    assert team("team-lead").expression == "hr.membership(%(team_id)s, 'team-lead')"
