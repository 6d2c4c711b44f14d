from org_common.tools.manifest.actions import WITHOUT_RESOURCES


def test_each_action_is_exact_and_has_a_reason() -> None:
    assert all("*" not in action and action.count(":") == 1 and reason for action, reason in WITHOUT_RESOURCES.items())
