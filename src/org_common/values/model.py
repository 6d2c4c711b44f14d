"""Models of request bodies, rows and responses."""

from functools import lru_cache
from typing import Any, ClassVar, Self

import org_common.values.pydantic_import  # noqa: F401 # pyright: ignore[reportUnusedImport] - before pydantic

# isort: split
from pydantic import BaseModel, ConfigDict, ValidationError

from org_common.values import jsonb
from org_common.values.annotations import may_hold_object
from org_common.values.casing import camel


class Model(BaseModel):
    """The base of request bodies, rows and responses. Unknown fields are rejected.

    Field names are camelCase over HTTP, and only those are accepted there; Python code and SQL use snake_case. The
    schema is built on first use, not at import (`defer_build`).
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        defer_build=True,
        # JSON (RFC 8259) has neither, and a value that is not JSON is serialized as null.
        allow_inf_nan=False,
        # The default is UTF-8, which most bytes are not.
        ser_json_bytes="base64",
        val_json_bytes="base64",
        # The default takes digits from 20,000,000,000 on as milliseconds.
        val_temporal_unit="seconds",
    )

    @classmethod
    def __from_row__(cls, row: dict[str, Any]) -> Self:
        """Build the model from a database row. The `ValueError` names invalid fields without values, for logs."""
        try:
            return cls.model_validate(row, by_name=True)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, fault['loc']))} ({fault['type']})" for fault in error.errors()]
        raise ValueError(", ".join(faults))

    def __jsonb__(self) -> dict[str, Any]:
        """The value as an SQL parameter: one jsonb object with snake_case keys. `ValueError` for a secret."""
        return jsonb.dump(self)


class Patch(Model):
    """A JSON merge patch (RFC 7396): a field that was not sent stays unchanged, `null` clears a nullable field.

    Every field is optional, so none needs a default. As an SQL parameter a patch is one jsonb object of the fields that
    were sent, with snake_case keys. `app.merge_patch()` merges it in depth into the columns that it may change:

        set (name, color) = (
          select p.name, p.color
          from jsonb_populate_record(null::shop.orders, app.merge_patch(
            jsonb_build_object('name', o.name, 'color', o.color), %(patch)s)) p
        )
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for field in cls.__pydantic_fields__.values():
            if field.is_required():
                # A default only makes the field optional: `model_fields_set` says what was sent.
                field.default = None
        if cls.__pydantic_complete__:
            # Built when the class was created, while its fields were required.
            cls.model_rebuild(force=True)

    @classmethod
    def __nested_objects__(cls) -> tuple[str, ...]:
        """The fields that a merge patch merges in depth, as they may hold objects."""
        return _nested_objects(cls)

    def sent(self) -> dict[str, Any]:
        """The fields that were sent, as JSON values with snake_case keys."""
        return self.__jsonb__()

    def __jsonb__(self) -> dict[str, Any]:
        return jsonb.dump(self, exclude_unset=True)


@lru_cache(maxsize=256)
def _nested_objects(patch: type[Patch]) -> tuple[str, ...]:
    fields = patch.__pydantic_fields__.items()
    return tuple([name for name, field in fields if may_hold_object(field.annotation)])
