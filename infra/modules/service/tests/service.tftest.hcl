# The tests in Python write manifest.json. Computed values of a mock are random letters, so those that must be ARNs are given here.
mock_provider "aws" {
  override_during = plan
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/prod-web" }
  }
  mock_resource "aws_lb" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/prod-web/1", arn_suffix = "app/prod-web/1" }
  }
  mock_resource "aws_lb_target_group" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/prod-web/2", arn_suffix = "targetgroup/prod-web/2" }
  }
  mock_resource "aws_lb_listener" {
    defaults = { arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/prod-web/1/3" }
  }
}

variables {
  manifest        = "./manifest.json"
  apps            = ["depot"]
  image           = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop@sha256:abc"
  certificate_arn = "arn:aws:acm:eu-central-1:123456789012:certificate/one"
  prefix          = "prod-"
  account         = "123456789012"
  region          = "eu-central-1"
  vpc             = { id = "vpc-1", cidr = "10.0.0.0/16", task_subnet_ids = ["subnet-1"], balancer_subnet_ids = ["subnet-2"], security_group_ids = [] }
}

run "alarms" {
  command = plan
  variables {
    alarms = { topic_arns = ["arn:aws:sns:eu-central-1:123456789012:alarms"], cpu_pct = 70, p95_seconds = 2, database_instance = "prod", max_connections = 201 }
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.cpu.threshold == 70 && aws_cloudwatch_metric_alarm.memory.threshold == 85
    error_message = "Thresholds are variables with defaults."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.cpu.dimensions == tomap({ ClusterName = "prod-web", ServiceName = "prod-web" })
    error_message = "ECS's metrics are those of the service."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.p95.threshold == 2 && aws_cloudwatch_metric_alarm.p95.extended_statistic == "p95"
    error_message = "The response time is a percentile, in seconds."
  }
  assert {
    condition = alltrue([for alarm in [aws_cloudwatch_metric_alarm.errors, aws_cloudwatch_metric_alarm.unhealthy, aws_cloudwatch_metric_alarm.p95] :
    alarm.dimensions == tomap({ LoadBalancer = "app/prod-web/1", TargetGroup = "targetgroup/prod-web/2" })])
    error_message = "The balancer's metrics are those of the target group."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.connections[0].threshold == 160
    error_message = "80 % of 201 connections, rounded down."
  }
  assert {
    condition     = { for query in aws_cloudwatch_metric_alarm.tasks.metric_query : query.id => try(query.metric[0].metric_name, query.expression) } == { missing = "desired - FILL(running, 0)", desired = "DesiredTaskCount", running = "RunningTaskCount" }
    error_message = "Missing tasks are those that are wanted and do not run."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.tasks.treat_missing_data == "breaching"
    error_message = "A cluster without Container Insights is reported."
  }
  assert {
    condition     = toset(aws_ecs_service.this.alarms[0].alarm_names) == toset(["prod-web-errors", "prod-web-balancer-errors"]) && aws_ecs_service.this.alarms[0].rollback
    error_message = "Errors roll a deploy back."
  }
  assert {
    condition     = [for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget.properties.title] == ["Requests", "Response time, p95", "Errors", "Targets", "Processor and memory", "Tasks", "Connections"]
    error_message = "The dashboard has a widget for what each alarm is about."
  }
}

run "without_a_database" {
  command = plan
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.connections) == 0 && length(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets) == 6
    error_message = "Connections are those of a named instance."
  }
}

run "half_of_the_connections" {
  command = plan
  variables {
    alarms = { database_instance = "prod" }
  }
  expect_failures = [var.alarms]
}

run "no_tasks" {
  command = plan
  variables {
    tasks = { min = 3, max = 2 }
  }
  expect_failures = [var.tasks]
}

run "long_prefix" {
  command = plan
  variables {
    prefix = "production-of-acme-"
  }
  expect_failures = [var.prefix]
}
