# Staged deploys: CodeDeploy moves the alias, and moves it back when an alarm rings.
locals {
  staged = toset([for name in keys(local.functions) : name if var.canary != null])
}

resource "aws_iam_role" "codedeploy" {
  count = var.canary == null ? 0 : 1
  name  = "${var.prefix}codedeploy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "codedeploy.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.account } }
    }]
  })
}

resource "aws_iam_role_policy" "codedeploy" {
  count = var.canary == null ? 0 : 1
  name  = "codedeploy"
  role  = aws_iam_role.codedeploy[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid      = "Alias"
        Effect   = "Allow"
        Action   = ["lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"]
        Resource = flatten([for name in sort(keys(local.functions)) : ["arn:${var.partition}:lambda:${local.place}:function:${var.prefix}${name}", "arn:${var.partition}:lambda:${local.place}:function:${var.prefix}${name}:live"]])
      },
      {
        Sid      = "Alarms"
        Effect   = "Allow"
        Action   = ["cloudwatch:DescribeAlarms"]
        Resource = ["arn:${var.partition}:cloudwatch:${local.place}:alarm:${var.prefix}*"]
      },
    ]
  })
}

resource "aws_codedeploy_app" "this" {
  count            = var.canary == null ? 0 : 1
  name             = "${var.prefix}${local.manifest.project.name}"
  compute_platform = "Lambda"
}

resource "aws_codedeploy_deployment_group" "this" {
  for_each               = local.staged
  app_name               = aws_codedeploy_app.this[0].name
  deployment_group_name  = module.function[each.key].name
  deployment_config_name = "CodeDeployDefault.${var.canary}"
  service_role_arn       = aws_iam_role.codedeploy[0].arn

  deployment_style {
    deployment_type   = "BLUE_GREEN"
    deployment_option = "WITH_TRAFFIC_CONTROL"
  }

  auto_rollback_configuration {
    enabled = true
    events  = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]
  }

  alarm_configuration {
    enabled = true
    alarms = concat(
      [aws_cloudwatch_metric_alarm.errors[each.key].alarm_name],
      [for alarm in [try(aws_cloudwatch_metric_alarm.faults[each.key], null)] : alarm.alarm_name if alarm != null],
    )
  }
}
