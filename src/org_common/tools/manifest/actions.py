"""The actions of IAM that have no resources: a policy allows them on "*", as there is nothing finer."""

# By memory of AWS's service authorization reference, 2026-11; extend it with a link when an action is missing.
WITHOUT_RESOURCES = {
    "application-autoscaling:DescribeScalableTargets": "a list of all targets",
    "application-autoscaling:DescribeScheduledActions": "a list of all actions",
    "bedrock:ListFoundationModels": "a list of all models",
    "cloudwatch:GetMetricData": "metrics have no ARN",
    "cloudwatch:ListMetrics": "metrics have no ARN",
    "cloudwatch:PutMetricData": "metrics have no ARN",
    "ec2:CreateNetworkInterface": "Lambda checks it without a resource when it attaches a function to a VPC",
    "ec2:DeleteNetworkInterface": "Lambda checks it without a resource when it attaches a function to a VPC",
    "ec2:DescribeNetworkInterfaces": "a list of all interfaces",
    "ecr:GetAuthorizationToken": "a login to the registry of the account",
    "lambda:GetAccountSettings": "of the account",
    "lambda:ListFunctions": "a list of all functions",
    "lambda:ListLayers": "a list of all layers",
    "logs:DescribeLogGroups": "a list of all groups",
    "xray:PutTelemetryRecords": "traces have no ARN",
    "xray:PutTraceSegments": "traces have no ARN",
}
"""The actions, each with the reason."""
