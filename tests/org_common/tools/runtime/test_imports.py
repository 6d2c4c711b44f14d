from org_common.tools.runtime.imports import Import, find_import, parse, slowest

OUTPUT = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 | zipimport
a line of the function's own
import time:        10 |         10 |     json.scanner
import time:        40 |         50 |   json.decoder
import time:        30 |         80 | json
import time:         5 |          5 | shop
"""


def test_tree_has_who_asked_above_what_was_asked_for() -> None:
    assert parse(OUTPUT) == [
        Import("zipimport", 100, 100),
        Import("json", 30, 80, [Import("json.decoder", 40, 50, [Import("json.scanner", 10, 10)])]),
        Import("shop", 5, 5),
    ]


def test_slowest_imports_are_sorted_by_self_time() -> None:
    assert [each.name for each in slowest(parse(OUTPUT), 3)] == ["zipimport", "json.decoder", "json"]


def test_import_is_found_wherever_it_stands() -> None:
    found = find_import(parse(OUTPUT), "json.decoder")

    assert found is not None
    assert [(depth, each.name) for depth, each in found.walk()] == [(0, "json.decoder"), (1, "json.scanner")]
    assert find_import(parse(OUTPUT), "wave") is None


def test_no_profile_is_no_import() -> None:
    assert parse("nothing of the kind") == []
