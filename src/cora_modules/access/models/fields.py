"""The kinds of values that the module's models share."""

from typing import Annotated, Literal

from pydantic import StringConstraints

SysRole = Literal["sys_user", "sys_admin", "sys_owner"]
OrgRole = Literal["org_user", "org_admin", "org_owner"]

Name = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Slug = Annotated[str, StringConstraints(min_length=2, max_length=63, pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
Text = Annotated[str, StringConstraints(max_length=2000)]
# A scheme that a browser would run, `javascript:`, is no address of a logo.
WebUrl = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s/]+[^\s]*$")]
DomainName = Annotated[
    str,
    StringConstraints(
        max_length=253,
        to_lower=True,
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$",
    ),
]
# As browsers take one (HTML, section 4.8.11.1.5), in ASCII: what it is compared with comes from a token in that form.
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
