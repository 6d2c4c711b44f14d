"""Generates the JSON Schemas of requests and responses, and their shared components."""

from __future__ import annotations

import re
from collections import Counter
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
# The components that the document adds for errors.
RESERVED = ("Problem", "ProblemError")
_MODES: dict[Direction, JsonSchemaMode] = {"in": "validation", "out": "serialization"}


class Schemas:
    """Collects types, then generates all schemas at once, because only then name conflicts are known.

    The dicts that `of` and `page` return are empty until `build` fills them in place. Keywords that you set before are
    kept, unless the schema of the type has them too.
    """

    def __init__(self) -> None:
        self._requested: list[tuple[Json, Direction, TypeAdapter[Any]]] = []
        self._pages: list[tuple[Json, Json]] = []

    def of(self, annotation: Any, direction: Direction, constraints: Mapping[str, Any] | None = None) -> Json:
        """The schema of a type in requests ("in") or responses ("out"). Models and enums become components."""
        if is_model(annotation):
            annotation.model_rebuild()
        typed: Any = Annotated[annotation, Field(**constraints)] if constraints else annotation
        schema: Json = {}
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(typed)
        except PydanticUserError:
            if direction == "in":
                raise
            # Results are serialized even if pydantic does not know their type: allow anything.
            return schema
        self._requested.append((schema, direction, adapter))
        return schema

    def page(self, item: Any) -> Json:
        """The schema of a `Page` of this item type."""
        schema: Json = {}
        self._pages.append((schema, self.of(item, "out")))
        return schema

    def build(self) -> Json:
        """Fill all schemas that `of` and `page` returned. Returns the components by name."""
        inputs: list[tuple[int, JsonSchemaMode, CoreSchema]] = [
            (index, _MODES[direction], adapter.core_schema)
            for index, (_, direction, adapter) in enumerate(self._requested)
        ]
        generated, definitions = _Generator(ref_template=REF + "{model}").generate_definitions(inputs)
        for index, (schema, direction, _) in enumerate(self._requested):
            keywords = dict(schema)
            schema.clear()
            schema |= {**keywords, **generated[index, _MODES[direction]]}
        components: Json = {str(name): schema for name, schema in definitions.items()}
        for schema, items in self._pages:
            schema.update(_page(items, components))
        components = dict(sorted(components.items()))
        _set_titles(components)
        return components


def _set_titles(components: Json) -> None:
    """Give each component a title of its own: a title that only it has is kept, any other becomes its name.

    Generators such as openapi-python-client name classes by title, else by the component's name, and drop the second
    class of one name with everything that refers to it.
    """
    classes = Counter(_class_name(schema.get("title", name)) for name, schema in components.items())
    names = Counter(map(_class_name, components))
    taken = {_class_name(name) for name, schema in components.items() if "title" not in schema}
    taken |= {_class_name(name) for name in RESERVED}
    for name, schema in components.items():
        if "title" not in schema:
            continue
        own = _class_name(schema["title"])
        is_unique = own not in taken and classes[own] == 1 and names[own] - (own == _class_name(name)) == 0
        title = base = schema["title"] if is_unique else name
        count = 1
        while _class_name(title) in taken:
            count += 1
            title = f"{base}{count}"
        taken.add(_class_name(title))
        schema["title"] = title


def _class_name(title: str) -> str:
    """What generators make of a title, regardless of case: `Order-Input` and `OrderInput` are one class."""
    return re.sub(r"[^a-z0-9]", "", title.lower())


def _page(items: Json, components: Json) -> Json:
    """A reference to a component if the items are one and its name is free, otherwise the inline schema."""
    page: Json = {
        "type": "object",
        "description": "A page of a list, in order. `nextCursor` requests the next page; null on the last page.",
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
    """pydantic's generator, adapted to org-common: responses contain every field, and can have more fields later."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        # The title "Org Id" adds nothing to the name `orgId`.
        return False

    def field_is_required(self, field: Any, total: bool) -> bool:
        if self.mode == "serialization" and field["type"] != "typed-dict-field":
            # Serialized whether it was set or not (http/schema.py).
            return field.get("serialization_exclude_if") is None
        return super().field_is_required(field, total)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        # Responses contain fields with default values too, so the default is irrelevant.
        return self.generate_inner(schema["schema"]) if self.mode == "serialization" else super().default_schema(schema)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        result = super().model_schema(schema)
        if self.mode == "serialization" and result.get("additionalProperties") is False:
            # Clients must ignore unknown fields, so that a new field is not a breaking change.
            del result["additionalProperties"]
        model: type[BaseModel] = schema["cls"]
        if issubclass(model, Patch):
            for field in result.get("properties", {}).values():
                # In a Patch, the default only means that the field can be omitted (model.py).
                field.pop("default", None)
        return result

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        result = super().str_schema(schema)
        min_length = result.get("minLength", 0)
        if self.mode == "validation" and schema.get("strip_whitespace") and min_length and "pattern" not in result:
            # The minimum length applies after surrounding white space is stripped.
            result["pattern"] = r"\S" if min_length == 1 else rf"\S[\s\S]{{{min_length - 2},}}\S"
        return result

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        # JSON Schema cannot express what the Python type accepts: allow anything.
        return {}

    def normalize_name(self, name: str) -> str:
        # Generic models: `Box[Org]` becomes "Box_Org", without a trailing underscore.
        return re.sub(r"[^a-zA-Z0-9.\-_]+", "_", name).strip("_").replace(".", "__")
