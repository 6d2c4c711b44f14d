from org_common.auth.service import AsService


def test_it_is_shown_as_it_is_written() -> None:
    rule = AsService("deletes expired invitations")

    assert repr(rule) == rule.name == "AsService('deletes expired invitations')"
    assert rule.reason == "deletes expired invitations"
