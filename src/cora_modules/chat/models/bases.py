"""The knowledge bases that a chat is grounded on."""

from typing import Annotated, Literal
from uuid import UUID

from org_common import Model
from pydantic import Field

from cora_modules.access.models.fields import Name

BaseIds = Annotated[list[UUID], Field(max_length=20)]
"""At most 20 knowledge bases."""


class Base(Model):
    """A knowledge base of a chat."""

    id: UUID
    scope: Literal["organization", "workspace", "chat"]
    name: str


class Bases(Model):
    """The knowledge bases of a chat that the caller may read."""

    items: list[Base]


class NewBases(Model):
    """The knowledge bases to ground a chat on."""

    base_ids: BaseIds


class NewBase(Model):
    """A knowledge base to create for the documents of one chat."""

    name: Name = "Documents of this chat"
