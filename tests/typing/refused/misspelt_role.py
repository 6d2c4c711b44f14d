"""A role that its ladder does not have is a type error, and so is one that was read at run time."""

from typing import Literal

from org_common import Ladder, OrgCheck, Rule, SysCheck

WsRole = Literal["ws_user", "ws_admin"]
WsCheck: Ladder[WsRole] = Ladder("app.has_ws_role", parameter="ws_id", roles=("ws_user", "ws_admin"))

OrgCheck("org_admn")  # by basedpyright: reportArgumentType # by mypy: arg-type
OrgCheck("sys_admin")  # by basedpyright: reportArgumentType # by mypy: arg-type
SysCheck("sys_admn")  # by basedpyright: reportArgumentType # by mypy: arg-type
WsCheck("ws_owner")  # by basedpyright: reportArgumentType # by mypy: arg-type


def read_at_run_time(role: str, parameter: str) -> Rule:
    OrgCheck("org_admin", parameter=parameter)  # by basedpyright: reportArgumentType
    return OrgCheck(role)  # by basedpyright: reportArgumentType # by mypy: arg-type
