# Computed values of a mock are random letters, so those that must be ARNs are given here.
mock_provider "aws" {
  override_during = plan
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/prod-orders" }
  }
  mock_resource "aws_lambda_function" {
    defaults = { version = "7", arn = "arn:aws:lambda:eu-central-1:123456789012:function:prod-orders" }
  }
}

variables {
  name         = "prod-orders"
  handler      = "shop.orders.app"
  runtime      = "python3.13"
  architecture = "arm64"
  zip          = { path = "orders.zip", sha256 = "abc" }
  account      = "123456789012"
  region       = "eu-central-1"
}

run "plain" {
  command = plan
  assert {
    condition     = aws_lambda_function.this.publish && aws_lambda_function.this.source_code_hash == "abc"
    error_message = "A new zip is a new version."
  }
  assert {
    condition     = aws_lambda_alias.terraform[0].function_version == "7"
    error_message = "The alias points at the published version."
  }
  assert {
    condition     = aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "Lines expire."
  }
  assert {
    condition     = length(aws_appautoscaling_target.this) == 0 && length(aws_lambda_function.this.snap_start) == 0
    error_message = "Faster starts are off."
  }
}

run "snapstart" {
  command = plan
  variables {
    snapstart = true
  }
  assert {
    condition     = aws_lambda_function.this.snap_start[0].apply_on == "PublishedVersions"
    error_message = "The snapshot is of published versions."
  }
}

run "provisioned" {
  command = plan
  variables {
    provisioned = { min = 2, max = 5, schedules = { morning = { at = "cron(0 7 * * ? *)", timezone = "UTC", min = 5, max = 9 } } }
  }
  assert {
    condition     = aws_appautoscaling_target.this[0].resource_id == "function:prod-orders:live"
    error_message = "What scales is the alias."
  }
  assert {
    condition     = aws_appautoscaling_policy.this[0].target_tracking_scaling_policy_configuration[0].target_value == 0.7
    error_message = "The default utilization is 0.7."
  }
  assert {
    condition     = aws_appautoscaling_scheduled_action.this["morning"].scalable_target_action[0].max_capacity == "9"
    error_message = "The schedule sets its own limits."
  }
}

run "both_starts" {
  command = plan
  variables {
    snapstart   = true
    provisioned = { min = 1, max = 1 }
  }
  expect_failures = [aws_lambda_function.this]
}

run "minimum_above_maximum" {
  command = plan
  variables {
    provisioned = { min = 3, max = 2 }
  }
  expect_failures = [var.provisioned]
}

run "pattern_of_actions" {
  command = plan
  variables {
    statements = [{ sid = "All", actions = ["s3:*"], resources = ["arn:aws:s3:::invoices/*"] }]
  }
  expect_failures = [var.statements]
}

run "canary" {
  command = plan
  variables {
    canary = true
  }
  assert {
    condition     = length(aws_lambda_alias.terraform) == 0 && length(aws_lambda_alias.codedeploy) == 1
    error_message = "CodeDeploy moves the alias."
  }
}
