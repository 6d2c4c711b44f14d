"""access/auth: who is calling, for every API of the platform. Its settings are one variable, ORG_COMMON_ISSUERS."""

from org_common import authorizer

app = authorizer()
