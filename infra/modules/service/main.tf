locals {
  manifest = jsondecode(file(var.manifest))
  name     = "${var.prefix}${var.name}"
  port     = 8000
  logs     = "arn:${var.partition}:logs:${var.region}:${var.account}:log-group:/ecs/${local.name}"
  apps     = { for name in var.apps : name => local.manifest.functions[name] }
  # The container verifies tokens itself, in place of the API's authorizer.
  environment = merge(concat(
    [for name in var.apps : module.needs.environment[name]],
    [
      length(var.issuers) > 0 ? { ORG_COMMON_ISSUERS = jsonencode(var.issuers) } : {},
      # The balancer is trusted to say who the caller is.
      { FORWARDED_ALLOW_IPS = var.vpc.cidr },
    ],
  )...)
  # What the apps may do together. Messages of queues reach Lambda alone.
  sids = distinct(flatten([for name in var.apps : [for statement in module.needs.statements[name] : statement.sid if statement.sid != "Consumes"]]))
  statements = [for sid in local.sids : {
    sid       = sid
    actions   = distinct(flatten([for name in var.apps : [for statement in module.needs.statements[name] : statement.actions if statement.sid == sid]]))
    resources = distinct(flatten([for name in var.apps : [for statement in module.needs.statements[name] : statement.resources if statement.sid == sid]]))
  }]
  cluster_arn  = var.cluster_arn == null ? aws_ecs_cluster.this[0].arn : var.cluster_arn
  cluster_name = var.cluster_arn == null ? local.name : element(split("/", var.cluster_arn), 1)
  trust = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.account } }
    }]
  })
}

module "needs" {
  source = "../needs"

  manifest             = local.manifest
  prefix               = var.prefix
  account              = var.account
  region               = var.region
  partition            = var.partition
  database             = var.database
  service_database     = var.service_database
  proxy                = var.proxy
  cursor_keys_secret   = var.cursor_keys_secret
  issuers              = var.issuers
  secrets_kms_key_arns = var.secrets_kms_key_arns
  environment          = var.environment
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/ecs/${local.name}"
  retention_in_days = var.log_retention
  kms_key_id        = var.log_kms_key_arn
}

# The role of the apps.
resource "aws_iam_role" "task" {
  name               = "${local.name}-task"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "task" {
  count = length(local.statements) > 0 ? 1 : 0
  name  = "apps"
  role  = aws_iam_role.task.name
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

# The role of ECS, which pulls the image and writes the log.
resource "aws_iam_role" "execution" {
  name               = "${local.name}-execution"
  assume_role_policy = local.trust
}

resource "aws_iam_role_policy" "execution" {
  name = "start"
  role = aws_iam_role.execution.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{ Sid = "Logs", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = ["${local.logs}:log-stream:*"] }],
      var.repository_arn == null ? [] : [
        { Sid = "Image", Effect = "Allow", Action = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], Resource = [var.repository_arn] },
        # AWS has no resource for it.
        { Sid = "Registry", Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = ["*"] },
      ],
    )
  })
}

resource "aws_ecs_cluster" "this" {
  count = var.cluster_arn == null ? 1 : 0
  name  = local.name
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = local.manifest.architecture == "arm64" ? "ARM64" : "X86_64"
  }

  container_definitions = jsonencode([{
    name                   = "app"
    image                  = var.image
    essential              = true
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    privileged             = false
    stopTimeout            = var.stop_timeout
    linuxParameters        = { capabilities = { drop = ["ALL"] } }
    portMappings           = [{ containerPort = local.port, protocol = "tcp" }]
    # Secrets are named here. The apps read them with the task's role.
    environment = [for name in sort(keys(local.environment)) : { name = name, value = local.environment[name] }]
    healthCheck = {
      command     = ["CMD", "python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:${local.port}/livez', timeout=2)"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 15
    }
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "app"
      }
    }
  }])
}

resource "aws_security_group" "balancer" {
  name        = "${local.name}-balancer"
  description = "Callers of ${local.name}"
  vpc_id      = var.vpc.id
}

resource "aws_vpc_security_group_ingress_rule" "callers" {
  for_each          = toset(var.vpc.callers)
  security_group_id = aws_security_group.balancer.id
  description       = "HTTPS"
  cidr_ipv4         = each.key
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "tasks" {
  security_group_id            = aws_security_group.balancer.id
  description                  = "The tasks"
  referenced_security_group_id = aws_security_group.task.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_security_group" "task" {
  name        = "${local.name}-task"
  description = "Tasks of ${local.name}"
  vpc_id      = var.vpc.id
}

resource "aws_vpc_security_group_ingress_rule" "balancer" {
  security_group_id            = aws_security_group.task.id
  description                  = "The balancer"
  referenced_security_group_id = aws_security_group.balancer.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

resource "aws_lb" "this" {
  name                       = local.name
  load_balancer_type         = "application"
  internal                   = var.is_internal
  subnets                    = var.vpc.balancer_subnet_ids
  security_groups            = [aws_security_group.balancer.id]
  drop_invalid_header_fields = true
  enable_deletion_protection = var.is_protected
  # Below uvicorn's --timeout-keep-alive, so that the balancer is the one that closes connections.
  idle_timeout = 60

  dynamic "access_logs" {
    for_each = var.balancer_log_bucket == null ? [] : [var.balancer_log_bucket]
    content {
      bucket  = access_logs.value
      prefix  = local.name
      enabled = true
    }
  }
}

resource "aws_wafv2_web_acl_association" "this" {
  count        = var.web_acl_arn == null ? 0 : 1
  resource_arn = aws_lb.this.arn
  web_acl_arn  = var.web_acl_arn
}

resource "aws_lb_target_group" "this" {
  name                          = local.name
  target_type                   = "ip"
  port                          = local.port
  protocol                      = "HTTP"
  vpc_id                        = var.vpc.id
  load_balancing_algorithm_type = "least_outstanding_requests"
  # Two checks fail, then the balancer sends nothing new: within the wait of Drain.
  deregistration_delay = 30

  health_check {
    path                = "/readyz"
    matcher             = "200"
    interval            = 5
    timeout             = 3
    healthy_threshold   = 2
    unhealthy_threshold = 2
  }
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = aws_lb.this.arn
  port              = 443
  protocol          = "HTTPS"
  ssl_policy        = "ELBSecurityPolicy-TLS13-1-2-2021-06"
  certificate_arn   = var.certificate_arn

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

resource "aws_ecs_service" "this" {
  name                               = local.name
  cluster                            = local.cluster_arn
  task_definition                    = aws_ecs_task_definition.this.arn
  launch_type                        = "FARGATE"
  desired_count                      = var.tasks.min
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200
  health_check_grace_period_seconds  = 30
  propagate_tags                     = "SERVICE"

  # New tasks that stay unhealthy bring the version before back.
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  # So do errors while the deploy is under way.
  alarms {
    enable      = true
    rollback    = true
    alarm_names = [aws_cloudwatch_metric_alarm.errors.alarm_name, aws_cloudwatch_metric_alarm.balancer_errors.alarm_name]
  }

  network_configuration {
    subnets          = var.vpc.task_subnet_ids
    security_groups  = concat([aws_security_group.task.id], var.vpc.security_group_ids)
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = "app"
    container_port   = local.port
  }

  lifecycle {
    # Application Auto Scaling changes it.
    ignore_changes = [desired_count]
  }

  depends_on = [aws_lb_listener.https, aws_iam_role_policy.task, aws_iam_role_policy.execution]
}

resource "aws_appautoscaling_target" "this" {
  service_namespace  = "ecs"
  scalable_dimension = "ecs:service:DesiredCount"
  resource_id        = "service/${local.cluster_name}/${aws_ecs_service.this.name}"
  min_capacity       = var.tasks.min
  max_capacity       = var.tasks.max
}

resource "aws_appautoscaling_policy" "requests" {
  name               = "requests"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = "ecs"
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id
  target_tracking_scaling_policy_configuration {
    target_value = var.tasks.requests
    predefined_metric_specification {
      predefined_metric_type = "ALBRequestCountPerTarget"
      resource_label         = "${aws_lb.this.arn_suffix}/${aws_lb_target_group.this.arn_suffix}"
    }
  }
}

resource "aws_appautoscaling_policy" "cpu" {
  name               = "cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = "ecs"
  scalable_dimension = aws_appautoscaling_target.this.scalable_dimension
  resource_id        = aws_appautoscaling_target.this.resource_id
  target_tracking_scaling_policy_configuration {
    target_value = var.tasks.cpu
    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

# What is deployed, and where, for the checks of `org-common deploy`.
resource "terraform_data" "served" {
  input = {
    prefix         = var.prefix
    region         = var.region
    account        = var.account
    partition      = var.partition
    name           = local.name
    apps           = local.apps
    repository_arn = var.repository_arn
  }
  depends_on = [aws_ecs_service.this]
}
