from cora_modules.mgmt.models.monitoring import DatabaseActivity


def test_lists_of_a_row_are_models() -> None:
    row = {
        "max_connections": 100,
        "connections": 3,
        "is_detailed": True,
        "applications": [{"name": "a", "connections": 2, "active": 1, "idle_in_transaction": 0}],
        "waits": [{"event": "Lock advisory", "connections": 1}],
        "statements": [{"application": "a", "running_ms": 5, "statement": "select $1"}],
    }
    activity = DatabaseActivity.__from_row__(row)

    assert (activity.applications[0].name, activity.waits[0].event, activity.statements[0].running_ms) == (
        "a",
        "Lock advisory",
        5,
    )
