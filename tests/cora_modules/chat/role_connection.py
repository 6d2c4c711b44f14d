"""A role connection to the data of module chat."""

from tests.cora_modules.access.world import ACME, GLOBEX
from tests.cora_modules.chat.world import (
    ANSWERS,
    DIARY,
    GONE,
    HANDBOOK,
    LAUNCH,
    MANUALS,
    NOTES,
    PRICES,
    QUESTIONS,
    SALES,
    ChatWorld,
)
from tests.cora_modules.ws.world import IDS, PLANS, ROCKETS
from tests.support.role_connection import RoleConnection

VALUES = {
    "acme": ACME,
    "globex": GLOBEX,
    "rockets": ROCKETS,
    "plans": PLANS,
    "launch": LAUNCH,
    "notes": NOTES,
    "diary": DIARY,
    "gone": GONE,
    "sales": SALES,
    "handbook": HANDBOOK,
    "manuals": MANUALS,
    "prices": PRICES,
    "question": QUESTIONS[DIARY],
    "answer": ANSWERS[DIARY],
    "sold": QUESTIONS[SALES],
    **IDS,
}


def connect(world: ChatWorld) -> RoleConnection:
    return RoleConnection(world, "chat", VALUES, IDS)
