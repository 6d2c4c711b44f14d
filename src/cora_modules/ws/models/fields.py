"""Constrained types that several models share. Lengths are in characters."""

from typing import Annotated

from pydantic import Field, StringConstraints

Color = Annotated[str, StringConstraints(to_upper=True, pattern=r"^#[0-9A-Fa-f]{6}$")]
"""A color, `#RRGGBB`. Stored in upper case."""
Days = Annotated[int, Field(ge=1, le=365)]
"""A retention, 1 to 365 days."""
Limit = Annotated[int, Field(ge=1, le=10_000)]
"""The highest number of something, 1 to 10,000."""
