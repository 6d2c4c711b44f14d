"""Types and nulls are compared in test_check.py."""

from typing import Literal
from uuid import UUID

from org_common import Model, Patch
from org_common.db.protocol.statement import prepare
from org_common.tools.check.code.given import Given, Unknown
from org_common.tools.check.columns import Problem
from org_common.tools.check.parameters import bind, missing

INFERRED, INT4, UUID_OID, JSONB, UUID_ARRAY = 0, 23, 2950, 3802, 2951


class Order(Model):
    ids: list[UUID]
    size: Literal["small"]


class Names(Model):
    first: str


class OrderPatch(Patch):
    names: Names


def test_parameters_are_typed_as_the_sdk_sends_them() -> None:
    statement = prepare("select %(id)s, %(count)s, %(name)s, %(data)s, %(other)s")
    types = {"id": UUID, "count": int, "name": str, "data": dict[str, int], "other": Unknown}

    assert bind(statement, Given(types)) == (UUID_OID, INT4, INFERRED, JSONB, INFERRED)


def test_fields_of_a_model_are_sent_by_their_annotation() -> None:
    statement = prepare("select %(ids)s, %(size)s")
    fields = {name: field.annotation for name, field in Order.model_fields.items()}

    assert bind(statement, Given(fields, model=Order)) == (UUID_ARRAY, INFERRED)


def test_none_is_sent_without_a_type() -> None:
    statement = prepare("select %(id)s")

    assert bind(statement, Given({"id": UUID | None})) == (UUID_OID,)
    assert bind(statement, Given({"id": UUID | None}), nulls=True) == (INFERRED,)


def test_shallow_merge_is_a_problem() -> None:
    found = bind(prepare("select data || %(patch)s"), Given({"patch": OrderPatch}))

    assert isinstance(found, Problem)
    assert "would replace the objects in names" in found.text


def test_missing_parameter_has_a_near_name() -> None:
    statement = prepare("select %(order_id)s, %(order_id)s")

    [found] = missing(statement, Given({"oder_id": UUID}))

    assert found.fix == "did you mean oder_id? Otherwise add it to the parameters of the call"
    assert list(missing(statement, Given({}, is_complete=False))) == []
