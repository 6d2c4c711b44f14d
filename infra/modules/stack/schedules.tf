locals {
  schedules = merge([
    for name, function in local.functions : {
      for schedule, options in function.schedules : "${name}/${schedule}" => merge(options, { function = name, name = schedule })
    }
  ]...)
  scheduled = toset([for schedule in local.schedules : schedule.function])
  rules = merge([
    for name, function in local.functions : {
      for event in function.bus_events : "${name}/${event.source}/${event.detail_type}" => merge(event, { function = name })
    }
  ]...)
}

resource "aws_iam_role" "scheduler" {
  for_each = local.scheduled
  name     = "${var.prefix}${each.key}-scheduler"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "scheduler.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.account } }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  for_each = local.scheduled
  name     = "scheduler"
  role     = aws_iam_role.scheduler[each.key].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { Sid = "Invoke", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = ["arn:${var.partition}:lambda:${local.place}:function:${var.prefix}${each.key}:live"] },
      { Sid = "Failures", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = ["arn:${var.partition}:sqs:${local.place}:${var.prefix}${each.key}-failures"] },
    ]
  })
}

# A group for each function, so that a schedule has the name that its handler declares.
resource "aws_scheduler_schedule_group" "this" {
  for_each = local.scheduled
  name     = "${var.prefix}${each.key}"
}

resource "aws_scheduler_schedule" "this" {
  for_each                     = local.schedules
  name                         = each.value.name
  group_name                   = aws_scheduler_schedule_group.this[each.value.function].name
  schedule_expression          = each.value.expression
  schedule_expression_timezone = each.value.timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.function[each.value.function].alias_arn
    role_arn = aws_iam_role.scheduler[each.value.function].arn
    # The event of a schedule names it: this is how the app finds the handler.
    input = jsonencode({
      id          = "<aws.scheduler.execution-id>"
      detail-type = "Scheduled Event"
      source      = "aws.scheduler"
      account     = var.account
      time        = "<aws.scheduler.scheduled-time>"
      region      = var.region
      resources   = ["<aws.scheduler.schedule-arn>"]
      detail      = {}
      version     = "0"
    })
    dead_letter_config {
      arn = aws_sqs_queue.failures[each.value.function].arn
    }
    retry_policy {
      maximum_retry_attempts = 3
    }
  }
}

resource "aws_cloudwatch_event_rule" "this" {
  for_each       = local.rules
  name           = substr("${var.prefix}${replace(each.key, "/[^A-Za-z0-9._-]/", "-")}", 0, 64)
  event_bus_name = var.event_bus
  event_pattern  = jsonencode({ source = [each.value.source], detail-type = [each.value.detail_type] })
}

resource "aws_cloudwatch_event_target" "this" {
  for_each       = local.rules
  rule           = aws_cloudwatch_event_rule.this[each.key].name
  event_bus_name = var.event_bus
  arn            = module.function[each.value.function].alias_arn
}

resource "aws_lambda_permission" "rule" {
  for_each      = local.rules
  statement_id  = "rule-${md5(each.key)}"
  action        = "lambda:InvokeFunction"
  function_name = module.function[each.value.function].name
  qualifier     = module.function[each.value.function].alias
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.this[each.key].arn
}
