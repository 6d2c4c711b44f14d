import pytest

from org_common.tools.prove import report
from org_common.tools.prove.kill import mutate
from tests.org_common.tools.prove.conftest import Prove, block

pytestmark = pytest.mark.db


def test_every_mutation_of_the_page_is_noticed(proved: Prove) -> None:
    steps: list[tuple[int, int]] = []
    proof = proved("", block("case"))

    kills = mutate(proof, lambda done, total: steps.append((done, total)))

    assert [f"{each.subject}: {each.description}" for each, _ in kills.survivors] == []
    assert kills.invalid == []
    assert kills.rate == 1
    assert steps[-1][0] == steps[-1][1] == len(kills.killed)
    assert set(kills.groups()) == {"policy", "grant", "force", "foreign key", "function"}
    assert report.passed(proof, kills)


def test_survivor_is_named_and_needs_an_explanation(proved: Prove) -> None:
    change = """
        create function shop.note(wanted uuid) returns text language plpgsql security definer set search_path = ''
        as $$ begin perform shop.require_admin(); return null; end $$;
        create function shop.tell(wanted uuid) returns text language plpgsql security definer set search_path = ''
        as $$ begin perform shop.require_admin(); return null; end $$;
        create function shop.require_admin() returns void language plpgsql set search_path = ''
        as $$ begin if not exists (select shop.team_ids('admin')) then raise 'no'; end if; end $$;
        revoke execute on function shop.note(uuid), shop.tell(uuid), shop.require_admin() from public;
        grant execute on function shop.note(uuid), shop.tell(uuid) to authenticated"""
    entries = ('"shop.note" = { roles = "authenticated" }', '"shop.tell" = { roles = "authenticated" }')
    why = "\n[[survivors]]\non = 'shop.note'\nmutation = 'without perform'\nwhy = 'It returns nothing.'"

    proof = proved(change, *entries, why)
    kills = mutate(proof)

    explained = {each.subject: found for each, found in kills.survivors}
    assert explained == {"shop.note": "It returns nothing.", "shop.tell": None}
    assert len(kills.survivors) == 2
    lines = [*report.lines(proof, kills)]
    assert "    It returns nothing." in lines
    assert any(line.startswith("    NOT EXPLAINED") for line in lines)
