"""JSON Schemas of what goes in and out, and the components that they share."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PydanticUserError, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from org_common.handlers.signature import is_model
from org_common.values.model import Patch

Json = dict[str, Any]
Direction = Literal["in", "out"]

REF = "#/components/schemas/"
_MODES: dict[Direction, JsonSchemaMode] = {"in": "validation", "out": "serialization"}


class Schemas:
    """Gathers types, then makes all schemas at once: only then is it known which names meet.

    What `of` and `page` answer is empty until `build`, which fills it in place; keywords put there before stay, where
    the type has not the same.
    """

    def __init__(self) -> None:
        self._asked: list[tuple[Json, Direction, TypeAdapter[Any]]] = []
        self._pages: list[tuple[Json, Json]] = []

    def of(self, annotation: Any, direction: Direction, constraints: Mapping[str, Any] | None = None) -> Json:
        """The schema of a type, as it is read or as it is written. Models and enums become components."""
        if is_model(annotation):
            annotation.model_rebuild()
        typed: Any = Annotated[annotation, Field(**constraints)] if constraints else annotation
        schema: Json = {}
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(typed)
        except PydanticUserError:
            if direction == "in":
                raise
            # A result is written as it is, whatever pydantic knows of it: anything, then.
            return schema
        self._asked.append((schema, direction, adapter))
        return schema

    def page(self, item: Any) -> Json:
        """The schema of a `Page` of these."""
        schema: Json = {}
        self._pages.append((schema, self.of(item, "out")))
        return schema

    def build(self) -> Json:
        """Fills all that was answered; answers the components by name."""
        inputs: list[tuple[int, JsonSchemaMode, CoreSchema]] = [
            (at, _MODES[direction], adapter.core_schema) for at, (_, direction, adapter) in enumerate(self._asked)
        ]
        made, definitions = _Generator(ref_template=REF + "{model}").generate_definitions(inputs)
        for at, (schema, direction, _) in enumerate(self._asked):
            own = dict(schema)
            schema.clear()
            schema |= {**own, **made[at, _MODES[direction]]}
        components: Json = {str(name): schema for name, schema in definitions.items()}
        for schema, items in self._pages:
            schema.update(_page(items, components))
        return dict(sorted(components.items()))


def _page(items: Json, components: Json) -> Json:
    """A component of its own where the items are one and the name is free, else in place."""
    page: Json = {
        "type": "object",
        "description": "Some of a list, in order. `nextCursor` asks for those that follow; null when there are none.",
        "properties": {
            "items": {"type": "array", "items": items},
            "nextCursor": {"anyOf": [{"type": "string"}, {"type": "null"}]},
        },
        "required": ["items", "nextCursor"],
    }
    name = "PageOf" + items.get("$ref", "").removeprefix(REF)
    if name == "PageOf" or components.setdefault(name, page) != page:
        return page
    return {"$ref": REF + name}


class _Generator(GenerateJsonSchema):
    """As pydantic's, but true of what we do: an answer has every field, and may get more of them later."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        # "Org Id" for `orgId` says nothing.
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        if self.mode == "serialization" and field["type"] != "typed-dict-field":
            # Written whether it was set or not (http/schema.py).
            return field.get("serialization_exclude_if") is None
        return super().field_is_required(field, total)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        # Nothing is left out of an answer.
        return self.generate_inner(schema["schema"]) if self.mode == "serialization" else super().default_schema(schema)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        if self.mode == "serialization" and made.get("additionalProperties") is False:
            # Who reads an answer passes over what he does not know: so a new field breaks nobody.
            del made["additionalProperties"]
        model: type[BaseModel] = schema["cls"]
        if issubclass(model, Patch):
            for field in made.get("properties", {}).values():
                # It only says "may be left out" (model.py).
                field.pop("default", None)
        return made

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        made = super().str_schema(schema)
        least = made.get("minLength", 0)
        if self.mode == "validation" and schema.get("strip_whitespace") and least and "pattern" not in made:
            # Lengths count after the white space around is gone.
            made["pattern"] = r"\S" if least == 1 else rf"\S[\s\S]{{{least - 2},}}\S"
        return made

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        # Python may make of it what JSON Schema cannot say: anything, then.
        return {}

    def normalize_name(self, name: str) -> str:
        # Generic models: `Box[Org]` is "Box_Org", without an underscore at its end.
        return re.sub(r"[^a-zA-Z0-9.\-_]+", "_", name).strip("_").replace(".", "__")
