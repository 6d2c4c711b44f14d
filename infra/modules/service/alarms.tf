locals {
  topics = var.alarms.topic_arns
  ecs    = { ClusterName = local.cluster_name, ServiceName = local.name }
  target = { LoadBalancer = aws_lb.this.arn_suffix, TargetGroup = aws_lb_target_group.this.arn_suffix }
}

resource "aws_cloudwatch_metric_alarm" "cpu" {
  alarm_name          = "${local.name}-cpu"
  alarm_description   = "The tasks use most of their processors, although the service scales. Runbook: service-cpu."
  namespace           = "AWS/ECS"
  metric_name         = "CPUUtilization"
  dimensions          = local.ecs
  statistic           = "Average"
  period              = 60
  evaluation_periods  = 5
  threshold           = var.alarms.cpu_pct
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

resource "aws_cloudwatch_metric_alarm" "memory" {
  alarm_name          = "${local.name}-memory"
  alarm_description   = "A task is close to its limit of memory, where it is killed. Runbook: service-memory."
  namespace           = "AWS/ECS"
  metric_name         = "MemoryUtilization"
  dimensions          = local.ecs
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 5
  threshold           = var.alarms.memory_pct
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${local.name}-errors"
  alarm_description   = "Tasks responded with a 500 or above. Runbook: service-errors."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_Target_5XX_Count"
  dimensions          = local.target
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = var.alarms.errors
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

# What no task responded to: no healthy one is left, or one broke off. The metric above leaves these out.
resource "aws_cloudwatch_metric_alarm" "balancer_errors" {
  alarm_name          = "${local.name}-balancer-errors"
  alarm_description   = "The balancer itself responded with a 502, 503 or 504. Runbook: service-balancer-errors."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "HTTPCode_ELB_5XX_Count"
  dimensions          = { LoadBalancer = aws_lb.this.arn_suffix }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 3
  datapoints_to_alarm = 2
  threshold           = var.alarms.errors
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

resource "aws_cloudwatch_metric_alarm" "unhealthy" {
  alarm_name          = "${local.name}-unhealthy"
  alarm_description   = "A task fails the health check of the balancer. Runbook: service-unhealthy."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "UnHealthyHostCount"
  dimensions          = local.target
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = 3
  threshold           = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

resource "aws_cloudwatch_metric_alarm" "p95" {
  alarm_name          = "${local.name}-p95"
  alarm_description   = "The 95th percentile of the response time is high. Runbook: service-p95."
  namespace           = "AWS/ApplicationELB"
  metric_name         = "TargetResponseTime"
  dimensions          = local.target
  extended_statistic  = "p95"
  period              = 300
  evaluation_periods  = 3
  threshold           = var.alarms.p95_seconds
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = local.topics
  ok_actions          = local.topics
}

resource "aws_cloudwatch_metric_alarm" "tasks" {
  alarm_name          = "${local.name}-tasks"
  alarm_description   = "Fewer tasks run than the service wants. Runbook: service-tasks."
  evaluation_periods  = 5
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  # Container Insights reports both counts. Without it nothing would tell of a missing task.
  treat_missing_data = "breaching"
  alarm_actions      = local.topics
  ok_actions         = local.topics

  metric_query {
    id          = "missing"
    expression  = "desired - FILL(running, 0)"
    label       = "missing tasks"
    return_data = true
  }
  dynamic "metric_query" {
    for_each = { desired = "DesiredTaskCount", running = "RunningTaskCount" }
    content {
      id = metric_query.key
      metric {
        namespace   = "ECS/ContainerInsights"
        metric_name = metric_query.value
        dimensions  = local.ecs
        stat        = "Minimum"
        period      = 60
      }
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "connections" {
  count               = var.alarms.database_instance == null ? 0 : 1
  alarm_name          = "${local.name}-connections"
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
  # Dimensions as CloudWatch lists them in a widget: name, value, name, value.
  of_service = ["ClusterName", local.cluster_name, "ServiceName", local.name]
  of_target  = ["LoadBalancer", aws_lb.this.arn_suffix, "TargetGroup", aws_lb_target_group.this.arn_suffix]
  widgets = concat(
    [
      { title = "Requests", stat = "Sum", metrics = [concat(["AWS/ApplicationELB", "RequestCount"], local.of_target)] },
      { title = "Response time, p95", stat = "p95", metrics = [concat(["AWS/ApplicationELB", "TargetResponseTime"], local.of_target)] },
      {
        title = "Errors"
        stat  = "Sum"
        metrics = [
          concat(["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count"], local.of_target),
          ["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "LoadBalancer", aws_lb.this.arn_suffix],
        ]
      },
      {
        title   = "Targets"
        stat    = "Maximum"
        metrics = [for name in ["HealthyHostCount", "UnHealthyHostCount"] : concat(["AWS/ApplicationELB", name], local.of_target)]
      },
      {
        title   = "Processor and memory"
        stat    = "Maximum"
        metrics = [for name in ["CPUUtilization", "MemoryUtilization"] : concat(["AWS/ECS", name], local.of_service)]
      },
      {
        title   = "Tasks"
        stat    = "Minimum"
        metrics = [for name in ["DesiredTaskCount", "RunningTaskCount"] : concat(["ECS/ContainerInsights", name], local.of_service)]
      },
    ],
    var.alarms.database_instance == null ? [] : [{
      title   = "Connections"
      stat    = "Maximum"
      metrics = [["AWS/RDS", "DatabaseConnections", "DBInstanceIdentifier", var.alarms.database_instance]]
    }],
  )
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = local.name
  dashboard_body = jsonencode({
    widgets = [
      for index, widget in local.widgets : {
        type   = "metric"
        x      = 12 * (index % 2)
        y      = 6 * floor(index / 2)
        width  = 12
        height = 6
        properties = {
          title   = widget.title
          region  = var.region
          period  = 60
          stat    = widget.stat
          metrics = widget.metrics
        }
      }
    ]
  })
}
