"""A role connection to the data of module ws."""

from tests.cora_modules.access.world import ACME, GLOBEX
from tests.cora_modules.ws.world import IDS, OLD, PLANS, ROCKETS, WsWorld
from tests.support.role_connection import RoleConnection

VALUES = {"acme": ACME, "globex": GLOBEX, "rockets": ROCKETS, "old": OLD, "plans": PLANS, **IDS}


def connect(world: WsWorld) -> RoleConnection:
    return RoleConnection(world, "ws", VALUES, IDS, _rows_of)


def _rows_of(table: str, org: str) -> str:
    return "true" if table == "ws_config_sys" else f"org_id = %({org})s"
