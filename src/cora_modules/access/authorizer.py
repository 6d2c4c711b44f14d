"""The authorizer of every API of the platform. Its one setting is the environment variable ORG_COMMON_ISSUERS."""

from org_common import authorizer

app = authorizer()
"""The handler of the Lambda function."""
