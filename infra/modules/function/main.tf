locals {
  alias = "live"
  logs  = "arn:${var.partition}:logs:${var.region}:${var.account}:log-group:/aws/lambda/${var.name}"
  # Statements are written with jsonencode: a mocked aws_iam_policy_document would hide the rights from tests.
  statements = concat(
    [
      { sid = "Logs", actions = ["logs:CreateLogStream", "logs:PutLogEvents"], resources = ["${local.logs}:log-stream:*"] },
      # Traces have no ARN.
      { sid = "Traces", actions = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"], resources = ["*"] },
    ],
    # Lambda checks these without a resource when it attaches the function.
    var.vpc == null ? [] : [{
      sid       = "Vpc"
      actions   = ["ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface", "ec2:DescribeNetworkInterfaces"]
      resources = ["*"]
    }],
    var.failures_queue_arn == null ? [] : [
      { sid = "Failures", actions = ["sqs:SendMessage"], resources = [var.failures_queue_arn] },
    ],
    var.statements,
  )
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention
  kms_key_id        = var.log_kms_key_arn
}

resource "aws_iam_role" "this" {
  name = var.name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "lambda.amazonaws.com" } },
    ]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "function"
  role = aws_iam_role.this.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [for statement in local.statements : {
      Sid      = statement.sid
      Effect   = "Allow"
      Action   = statement.actions
      Resource = statement.resources
    }]
  })
}

resource "aws_lambda_function" "this" {
  function_name                  = var.name
  role                           = aws_iam_role.this.arn
  handler                        = var.handler
  runtime                        = var.runtime
  architectures                  = [var.architecture]
  filename                       = var.zip.path
  source_code_hash               = var.zip.sha256
  layers                         = var.layers
  memory_size                    = var.memory
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved
  # Without it, SnapStart and provisioned concurrency would be off, and the alias would point at $LATEST.
  publish = true

  dynamic "environment" {
    for_each = length(var.environment) > 0 ? [var.environment] : []
    content {
      variables = environment.value
    }
  }

  dynamic "vpc_config" {
    for_each = var.vpc == null ? [] : [var.vpc]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  dynamic "snap_start" {
    for_each = var.snapstart ? [true] : []
    content {
      apply_on = "PublishedVersions"
    }
  }

  tracing_config {
    mode = "Active"
  }

  lifecycle {
    precondition {
      condition     = !(var.snapstart && var.provisioned != null)
      error_message = "SnapStart and provisioned concurrency exclude each other."
    }
  }

  # The log group exists first, with its retention: Lambda would create one that keeps lines forever.
  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

resource "aws_lambda_alias" "terraform" {
  count            = var.canary ? 0 : 1
  name             = local.alias
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version
}

resource "aws_lambda_alias" "codedeploy" {
  count            = var.canary ? 1 : 0
  name             = local.alias
  function_name    = aws_lambda_function.this.function_name
  function_version = aws_lambda_function.this.version

  lifecycle {
    ignore_changes = [function_version, routing_config]
  }
}

locals {
  live = one(concat(aws_lambda_alias.terraform, aws_lambda_alias.codedeploy))
}

resource "aws_lambda_function_event_invoke_config" "this" {
  count                  = var.failures_queue_arn == null ? 0 : 1
  function_name          = aws_lambda_function.this.function_name
  qualifier              = local.live.name
  maximum_retry_attempts = 2
  destination_config {
    on_failure {
      destination = var.failures_queue_arn
    }
  }
}

resource "aws_lambda_provisioned_concurrency_config" "this" {
  count                             = var.provisioned == null ? 0 : 1
  function_name                     = aws_lambda_function.this.function_name
  qualifier                         = local.live.name
  provisioned_concurrent_executions = var.provisioned.min

  lifecycle {
    # Application Auto Scaling changes it.
    ignore_changes = [provisioned_concurrent_executions]
  }
}

resource "aws_appautoscaling_target" "this" {
  count              = var.provisioned == null ? 0 : 1
  service_namespace  = "lambda"
  scalable_dimension = "lambda:function:ProvisionedConcurrency"
  resource_id        = "function:${var.name}:${local.alias}"
  min_capacity       = var.provisioned.min
  max_capacity       = var.provisioned.max
  depends_on         = [aws_lambda_provisioned_concurrency_config.this]
}

resource "aws_appautoscaling_policy" "this" {
  count              = var.provisioned == null ? 0 : 1
  name               = "utilization"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = "lambda"
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id
  target_tracking_scaling_policy_configuration {
    target_value = var.provisioned.utilization
    predefined_metric_specification {
      predefined_metric_type = "LambdaProvisionedConcurrencyUtilization"
    }
  }
}

resource "aws_appautoscaling_scheduled_action" "this" {
  for_each           = var.provisioned == null ? {} : var.provisioned.schedules
  name               = each.key
  service_namespace  = "lambda"
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension
  resource_id        = aws_appautoscaling_target.this[0].resource_id
  schedule           = each.value.at
  timezone           = each.value.timezone
  scalable_target_action {
    min_capacity = each.value.min
    max_capacity = each.value.max
  }
}
