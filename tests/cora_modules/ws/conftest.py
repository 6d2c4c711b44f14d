from tests.cora_modules.worlds import world_fixtures
from tests.cora_modules.ws.world import WsWorld

shared_world, world, shared_readonly_world, readonly_world, catalog = world_fixtures(WsWorld)
