"""Models: camelCase outside, snake_case inside, unknown input refused."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from org_common.values.casing import camel


class Model(BaseModel):
    """A request body, a row, a response.

    The schema is built when the model is first used, not at import (`defer_build`). Over HTTP only the camelCase
    names are understood; Python code uses the snake_case ones.
    """

    model_config = ConfigDict(
        alias_generator=camel,
        validate_by_name=True,
        validate_by_alias=True,
        extra="forbid",
        defer_build=True,
        # JSON (RFC 8259) has neither, and what is not JSON comes back as null.
        allow_inf_nan=False,
    )

    @classmethod
    def __from_row__(cls, row: dict[str, Any]) -> Self:
        """A row of the database as this model. The `ValueError` says what was wrong without the values, for a log."""
        try:
            return cls.model_validate(row, by_name=True)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, each['loc']))} ({each['type']})" for each in error.errors()]
        raise ValueError(", ".join(faults))

    def __jsonb__(self) -> dict[str, Any]:
        """As an SQL parameter: one jsonb object under the snake_case names."""
        return self.model_dump(mode="json", by_alias=False)


class Patch(Model):
    """A JSON merge patch (RFC 7396): a field that was not sent stays as it is, `null` clears a nullable one.

    Every field may be left out, so none needs a default. As an SQL parameter a patch is one jsonb object of the
    fields that were sent, under their snake_case names:

        set (name, color) = (select p.name, p.color from jsonb_populate_record(o, %(patch)s) p)
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for field in cls.__pydantic_fields__.values():
            if field.is_required():
                # A default only says "may be left out": what counts is `model_fields_set`.
                field.default = None
        if cls.__pydantic_complete__:
            # Built at once, with fields that were required then.
            cls.model_rebuild(force=True)

    def sent(self) -> dict[str, Any]:
        """The fields that were sent, as JSON values under their snake_case names."""
        return self.__jsonb__()

    def __jsonb__(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=False, exclude_unset=True)
