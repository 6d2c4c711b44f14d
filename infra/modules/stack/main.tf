locals {
  manifest  = jsondecode(file(var.manifest))
  build     = coalesce(var.build, dirname(var.manifest))
  functions = local.manifest.functions

  place = "${var.region}:${var.account}"
  streams = {
    for name, function in local.functions : name =>
    contains(function.events, "function_url") && anytrue([for route in function.routes : route.streams])
  }
  environment = {
    for name, variables in module.needs.environment : name => merge(
      variables,
      local.streams[name] ? { AWS_LAMBDA_EXEC_WRAPPER = "/opt/python/org_common/runtime.sh" } : {},
      local.traced[name] ? merge(
        { AWS_LAMBDA_EXEC_WRAPPER = var.otel.wrapper, ORG_COMMON_TRACES = "otel", OTEL_SERVICE_NAME = "${var.prefix}${name}" },
        var.otel.environment,
      ) : {},
    )
  }
  # The streaming runtime has the only wrapper of its function. Its traces are X-Ray's.
  traced = { for name, streams in local.streams : name => var.otel != null && !streams }
  # Schedules, buckets and events invoke a function asynchronously: Lambda keeps what failed in a queue.
  asynchronous = toset([
    for name, function in local.functions : name
    if length(function.schedules) + length(function.bus_events) + length([for bucket in function.buckets : true if bucket.queue == null]) > 0
  ])
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
  proxy                = var.rds_proxy == null ? null : { url = "postgresql://${aws_db_proxy.this[0].endpoint}:5432/${var.rds_proxy.database}" }
  cursor_keys_secret   = var.cursor_keys_secret
  issuers              = var.issuers
  secrets_kms_key_arns = var.secrets_kms_key_arns
  environment          = var.environment
}

resource "aws_lambda_layer_version" "this" {
  for_each                 = { for name, zip in local.manifest.layers : name => zip if zip != null }
  layer_name               = "${var.prefix}org-common-${each.key}"
  filename                 = "${local.build}/${each.value.file}"
  source_code_hash         = each.value.sha256
  compatible_runtimes      = [local.manifest.runtime]
  compatible_architectures = [local.manifest.architecture]
  # Functions of the version before still use it: a rollback needs it.
  skip_destroy = true
}

module "function" {
  source   = "../function"
  for_each = local.functions

  name               = "${var.prefix}${each.key}"
  handler            = each.value.handler
  runtime            = local.manifest.runtime
  architecture       = local.manifest.architecture
  zip                = { path = "${local.build}/${each.value.zip.file}", sha256 = each.value.zip.sha256 }
  layers             = concat([for layer in each.value.layers : aws_lambda_layer_version.this[layer].arn], var.layer_arns, local.traced[each.key] ? [var.otel.layer_arn] : [])
  memory             = each.value.memory
  timeout            = each.value.timeout
  environment        = local.environment[each.key]
  vpc                = each.value.vpc ? var.vpc : null
  snapstart          = each.value.snapstart
  provisioned        = each.value.provisioned
  reserved           = each.value.reserved
  log_retention      = each.value.log_retention
  log_kms_key_arn    = var.log_kms_key_arn
  statements         = module.needs.statements[each.key]
  failures_queue_arn = contains(local.asynchronous, each.key) ? "arn:${var.partition}:sqs:${local.place}:${var.prefix}${each.key}-failures" : null
  canary             = var.canary != null
  account            = var.account
  region             = var.region
  partition          = var.partition

  depends_on = [aws_sqs_queue.failures]
}

# What is deployed, and where: `org-common deploy` compares the next manifest with it.
resource "terraform_data" "deployed" {
  input = {
    prefix    = var.prefix
    region    = var.region
    account   = var.account
    partition = var.partition
    manifest  = local.manifest
  }
  # Recorded last: a deploy that failed halfway has changed less than its manifest says.
  depends_on = [
    module.function, aws_apigatewayv2_route.this, aws_lambda_event_source_mapping.this, aws_scheduler_schedule.this,
    aws_cloudwatch_event_target.this, aws_s3_bucket_notification.this,
  ]
}
