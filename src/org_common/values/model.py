"""Models of request bodies, rows and responses."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

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
        """The value as an SQL parameter: one jsonb object with snake_case keys."""
        return self.model_dump(mode="json", by_alias=False)


class Patch(Model):
    """A JSON merge patch (RFC 7396): a field that was not sent stays unchanged, `null` clears a nullable field.

    Every field is optional, so none needs a default. As an SQL parameter a patch is one jsonb object of the fields that
    were sent, with snake_case keys:

        set (name, color) = (select p.name, p.color from jsonb_populate_record(o, %(patch)s) p)
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

    def sent(self) -> dict[str, Any]:
        """The fields that were sent, as JSON values with snake_case keys."""
        return self.__jsonb__()

    def __jsonb__(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=False, exclude_unset=True)
