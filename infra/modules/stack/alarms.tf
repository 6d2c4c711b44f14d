locals {
  apps      = { for name, function in local.functions : name => function if function.type == "app" }
  namespace = lookup(var.environment, "ORG_COMMON_METRICS", "org-common")
  topics    = var.alarms.topic_arns
  # The second dimension of the SDK's metric ColdStart.
  start = { for name, function in local.apps : name => function.snapstart ? "snap-start" : "on-demand" }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  for_each            = local.functions
  alarm_name          = "${var.prefix}${each.key}-errors"
  alarm_description   = "The function failed, timed out or could not start. Runbook: errors."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = module.function[each.key].name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

# An app turns each error of a request into a response, so Lambda's own Errors stays at 0.
resource "aws_cloudwatch_metric_alarm" "faults" {
  for_each            = local.apps
  alarm_name          = "${var.prefix}${each.key}-faults"
  alarm_description   = "Requests got a 500 or above. Runbook: faults."
  namespace           = local.namespace
  metric_name         = "Faults"
  dimensions          = { function = module.function[each.key].name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

resource "aws_cloudwatch_metric_alarm" "throttles" {
  for_each            = local.functions
  alarm_name          = "${var.prefix}${each.key}-throttles"
  alarm_description   = "Lambda refused invocations: a limit of concurrency is reached. Runbook: throttles."
  namespace           = "AWS/Lambda"
  metric_name         = "Throttles"
  dimensions          = { FunctionName = module.function[each.key].name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

resource "aws_cloudwatch_metric_alarm" "p95" {
  for_each            = local.functions
  alarm_name          = "${var.prefix}${each.key}-p95"
  alarm_description   = "The 95th percentile of the duration is near the timeout. Runbook: p95."
  namespace           = "AWS/Lambda"
  metric_name         = "Duration"
  dimensions          = { FunctionName = module.function[each.key].name }
  extended_statistic  = "p95"
  period              = 300
  evaluation_periods  = 3
  threshold           = each.value.timeout * 10 * var.alarms.p95_pct
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

resource "aws_cloudwatch_metric_alarm" "cold_starts" {
  for_each            = local.apps
  alarm_name          = "${var.prefix}${each.key}-cold-starts"
  alarm_description   = "The share of requests that waited for a new environment is high. Runbook: cold-starts."
  evaluation_periods  = 3
  threshold           = var.alarms.cold_start_pct
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics

  metric_query {
    id          = "rate"
    expression  = "IF(invocations > 20, 100 * FILL(cold, 0) / invocations, 0)"
    label       = "cold starts in percent"
    return_data = true
  }
  metric_query {
    id = "cold"
    metric {
      namespace   = local.namespace
      metric_name = "ColdStart"
      dimensions  = { function = module.function[each.key].name, init_type = local.start[each.key] }
      stat        = "Sum"
      period      = 300
    }
  }
  metric_query {
    id = "invocations"
    metric {
      namespace   = "AWS/Lambda"
      metric_name = "Invocations"
      dimensions  = { FunctionName = module.function[each.key].name }
      stat        = "Sum"
      period      = 300
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "dead_letters" {
  for_each            = merge({ for name, queue in aws_sqs_queue.dead : name => queue.name }, { for name, queue in aws_sqs_queue.failures : "${name}-failures" => queue.name })
  alarm_name          = "${var.prefix}${each.key}-dead-letters"
  alarm_description   = "Messages or events failed for good and wait for you. Runbook: dead-letters."
  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = each.value }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

resource "aws_cloudwatch_metric_alarm" "outbox_lag" {
  count               = var.alarms.outbox_relay == null ? 0 : 1
  alarm_name          = "${var.prefix}outbox-lag"
  alarm_description   = "The oldest message of the outbox waits for long, or the relay is silent. Runbook: outbox-lag."
  namespace           = local.namespace
  metric_name         = "OutboxLag"
  dimensions          = { function = var.alarms.outbox_relay }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 2
  threshold           = var.alarms.outbox_lag
  comparison_operator = "GreaterThanThreshold"
  # A relay that stopped reports nothing.
  treat_missing_data = "breaching"
  alarm_actions      = local.topics
  ok_actions         = local.topics
}

resource "aws_cloudwatch_metric_alarm" "connections" {
  count               = var.alarms.database_instance == null ? 0 : 1
  alarm_name          = "${var.prefix}connections"
  alarm_description   = "The database is close to its limit of connections. Runbook: connections."
  namespace           = "AWS/RDS"
  metric_name         = "DatabaseConnections"
  dimensions          = { DBInstanceIdentifier = var.alarms.database_instance }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  threshold           = floor(var.alarms.max_connections * var.alarms.connections_pct / 100)
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

locals {
  widgets = [
    for title, metric in {
      "Requests"             = { namespace = "AWS/Lambda", name = "Invocations", dimension = "FunctionName", stat = "Sum" }
      "Duration, p95"        = { namespace = "AWS/Lambda", name = "Duration", dimension = "FunctionName", stat = "p95" }
      "Errors"               = { namespace = "AWS/Lambda", name = "Errors", dimension = "FunctionName", stat = "Sum" }
      "Throttles"            = { namespace = "AWS/Lambda", name = "Throttles", dimension = "FunctionName", stat = "Sum" }
      "Environments"         = { namespace = "AWS/Lambda", name = "ConcurrentExecutions", dimension = "FunctionName", stat = "Maximum" }
      "Faults"               = { namespace = local.namespace, name = "Faults", dimension = "function", stat = "Sum" }
      "Database time, p95"   = { namespace = local.namespace, name = "DatabaseTime", dimension = "function", stat = "p95" }
      "Database round trips" = { namespace = local.namespace, name = "DatabaseRoundTrips", dimension = "function", stat = "Average" }
    } : { title = title, metric = metric }
  ]
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = "${var.prefix}${local.manifest.project.name}"
  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.widgets : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = {
          title  = widget.title
          region = var.region
          period = 60
          stat   = widget.metric.stat
          metrics = [
            for name in sort(keys(local.functions)) : [widget.metric.namespace, widget.metric.name, widget.metric.dimension, "${var.prefix}${name}"]
          ]
        }
      }
    ]
  })
}
