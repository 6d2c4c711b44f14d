"""camelCase outside, snake_case inside, and a patch knows what was sent."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from pydantic import ConfigDict, Field, ValidationError, create_model

from org_common import Model, Patch
from org_common.values.casing import camel


class Address(Model):
    street_name: str
    zip_code: str = "00000"


class Org(Model):
    display_name: str
    home_address: Address | None = None
    settings: dict[str, Any] = Field(default_factory=dict)


class OrgPatch(Patch):
    display_name: str
    logo_url: str | None
    home_address: Address
    settings: dict[str, Any]


def test_fields_are_camel_case_outside() -> None:
    org = Org(display_name="Acme", home_address=Address(street_name="Main"))

    assert org.model_dump(by_alias=True) == {
        "displayName": "Acme",
        "homeAddress": {"streetName": "Main", "zipCode": "00000"},
        "settings": {},
    }


def test_fields_are_snake_case_in_python() -> None:
    org = Org(display_name="Acme")

    assert org.model_dump()["display_name"] == "Acme"


def test_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Org.model_validate({"displayName": "Acme", "colour": "red"})


@pytest.mark.parametrize("key", ["someKey", "some_key", "Some Key", ""])
def test_keys_of_json_values_are_untouched(key: str) -> None:
    org = Org.model_validate({"displayName": "Acme", "settings": {key: {key: 1}}})

    assert org.model_dump(mode="json", by_alias=True)["settings"] == {key: {key: 1}}


def test_schema_is_not_built_at_import() -> None:
    class Unused(Model):
        name: str

    assert not Unused.__pydantic_complete__


def test_schema_is_built_at_first_use() -> None:
    class Used(Model):
        name: str

    assert Used(name="a").name == "a"
    assert Used.__pydantic_complete__


@pytest.mark.parametrize("name", ["is_2fa_on", "ab1c", "org_id", "a"])
def test_parameter_and_field_of_one_name_are_spelt_alike(name: str) -> None:
    made = create_model("Made", __base__=Model, **{name: (str, ...)})  # type: ignore[call-overload]  # the name is the point

    assert made.model_fields[name].alias == camel(name)


def test_nothing_sent_is_an_empty_patch() -> None:
    assert OrgPatch.model_validate({}).sent() == {}


def test_field_that_was_not_sent_is_absent() -> None:
    patch = OrgPatch.model_validate({"displayName": "Acme"})

    assert patch.sent() == {"display_name": "Acme"}


def test_null_is_sent_and_clears() -> None:
    patch = OrgPatch.model_validate({"logoUrl": None})

    assert patch.sent() == {"logo_url": None}


def test_null_is_refused_where_a_value_is_needed() -> None:
    with pytest.raises(ValidationError, match="displayName"):
        OrgPatch.model_validate({"displayName": None})


def test_sent_names_are_snake_case_in_depth_and_json_untouched() -> None:
    patch = OrgPatch.model_validate({"homeAddress": {"streetName": "Main"}, "settings": {"aB": 1, "c_d": None}})

    assert patch.sent() == {"home_address": {"street_name": "Main"}, "settings": {"aB": 1, "c_d": None}}


def test_sent_values_are_json_values() -> None:
    class Typed(Patch):
        id: UUID
        at: datetime
        price: Decimal

    patch = Typed(
        id=UUID("0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a"),
        at=datetime.fromisoformat("2026-01-02T03:04:05Z"),
        price=Decimal("1.10"),
    )

    assert patch.sent() == {"id": "0e4b2c52-9d3f-4f6d-8e0c-5e62d94c1b7a", "at": "2026-01-02T03:04:05Z", "price": "1.10"}


def test_patch_made_in_python_sends_what_it_was_given() -> None:
    class Small(Patch):
        name: str
        color: str | None

    assert Small.model_validate({"color": None}).sent() == {"color": None}
    assert Small.model_construct(name="a").sent() == {"name": "a"}


def test_unknown_field_of_a_patch_is_refused() -> None:
    with pytest.raises(ValidationError, match="orgId"):
        OrgPatch.model_validate({"orgId": "other"})


def test_patch_of_a_model_leaves_that_model_strict() -> None:
    class New(Model):
        name: str

    class NewPatch(New, Patch):
        pass

    assert NewPatch.model_validate({}).sent() == {}
    with pytest.raises(ValidationError, match="name"):
        New.model_validate({})


def test_patch_may_be_extended() -> None:
    class Longer(OrgPatch):
        color: str

    assert Longer.model_validate({"color": "red"}).sent() == {"color": "red"}


# the optional defaults come after an eager build, so this patch requires every field.
def test_patch_that_is_built_at_once_may_leave_fields_out() -> None:
    class Eager(Patch):
        model_config = ConfigDict(defer_build=False)
        name: str

    assert Eager.model_validate({}).sent() == {}
