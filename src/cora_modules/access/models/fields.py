"""Constrained string types that several models share. Lengths are in characters."""

from typing import Annotated

from pydantic import StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
"""A name to display, 1 to 200 characters after whitespace at both ends is removed."""
Slug = Annotated[str, StringConstraints(min_length=2, max_length=63, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
"""Lower-case words of a-z and 0-9 with hyphens between them, 2 to 63 characters."""
Text = Annotated[str, StringConstraints(max_length=2000)]
"""Free text, at most 2,000 characters."""
WebUrl = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s/]+[^\s]*$")]
"""An http or https URL, and no other scheme: a browser would execute `javascript:`."""
DomainName = Annotated[
    str,
    StringConstraints(
        max_length=253,
        to_lower=True,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$",
    ),
]
"""A domain of at least two labels, at most 253 characters. Stored in lower case."""
Email = Annotated[
    str,
    StringConstraints(
        min_length=3,
        max_length=254,
        to_lower=True,
        pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
        r"(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$",
    ),
]
"""An ASCII address in the syntax that browsers accept (HTML, section 4.8.11.1.5), at most 254 characters.

Stored in lower case. The e-mail of a token counts as verified only if it has this syntax.
"""
Phone = Annotated[str, StringConstraints(min_length=3, max_length=40, pattern=r"^\+?[0-9][0-9 ()./-]+$")]
"""A phone number as users write it: digits, spaces and punctuation, 3 to 40 characters, with an optional plus sign."""
