"""A role connection to the data of module kb."""

from tests.cora_modules.access.world import ACME, GLOBEX
from tests.cora_modules.kb.world import (
    ENGINES,
    GLOBEX_BASE,
    GONE_BASE,
    HANDBOOK,
    IDS,
    PLANS_BASE,
    ROCKET_BASE,
    RULES,
    KbWorld,
)
from tests.cora_modules.ws.world import ROCKETS
from tests.support.role_connection import RoleConnection

VALUES = {
    "acme": ACME,
    "globex": GLOBEX,
    "rockets": ROCKETS,
    "handbook": HANDBOOK,
    "engine_base": ROCKET_BASE,
    "gone": GONE_BASE,
    "globex_base": GLOBEX_BASE,
    "plans_base": PLANS_BASE,
    "rules": RULES,
    "engines": ENGINES,
    **IDS,
}


def connect(world: KbWorld) -> RoleConnection:
    return RoleConnection(world, "kb", VALUES, IDS)
