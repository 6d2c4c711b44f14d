"""One name, two spellings."""

import pytest

from org_common.values.casing import camel


@pytest.mark.parametrize(
    ("inside", "outside"),
    [("name", "name"), ("org_id", "orgId"), ("default_role_of_org", "defaultRoleOfOrg"), ("is_2fa_on", "is2faOn")],
)
def test_snake_case_inside_is_camel_case_outside(inside: str, outside: str) -> None:
    assert camel(inside) == outside
