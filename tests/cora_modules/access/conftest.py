from tests.cora_modules.access.world import World
from tests.cora_modules.worlds import world_fixtures

shared_world, world, shared_readonly_world, readonly_world, catalog = world_fixtures(World)
