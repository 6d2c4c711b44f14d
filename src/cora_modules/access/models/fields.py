"""Constrained types that several models share."""

from typing import Annotated

from pydantic import StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Slug = Annotated[str, StringConstraints(min_length=2, max_length=63, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(max_length=2000)]
# http and https only: a browser would execute `javascript:`.
WebUrl = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s/]+[^\s]*$")]
DomainName = Annotated[
    str,
    StringConstraints(
        max_length=253,
        to_lower=True,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$",
    ),
]
# The syntax that browsers accept (HTML, section 4.8.11.1.5), in ASCII: the e-mail of a token has to match it.
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
Phone = Annotated[str, StringConstraints(min_length=3, max_length=40, pattern=r"^\+?[0-9][0-9 ()./-]+$")]
