locals {
  manifest  = jsondecode(file(var.manifest))
  build     = coalesce(var.build, dirname(var.manifest))
  functions = local.manifest.functions

  # ARNs are written out where they are known before AWS assigns them, so that a plan shows the rights of each role.
  place = "${var.region}:${var.account}"
  queue_arn = {
    for name in local.queue_names : name =>
    startswith(name, "arn:") ? name : "arn:${var.partition}:sqs:${local.place}:${local.queue_id[name]}"
  }
  bucket_arn = {
    for name in local.bucket_names : name =>
    startswith(name, "arn:") ? name : "arn:${var.partition}:s3:::${var.prefix}${name}"
  }

  references = distinct(compact(concat(
    [try(var.database.secret, null), try(var.service_database.secret, null), var.cursor_keys_secret],
    flatten([for function in local.functions : function.needs.secrets]),
  )))
  # A reference is the name or ARN of a secret, or ssm:NAME. Secrets Manager appends a hyphen and six characters.
  reference_id = { for reference in local.references : reference => split("?", split("#", reference)[0])[0] }
  secret_arn = {
    for reference, id in local.reference_id : reference =>
    startswith(id, "arn:") ? id :
    startswith(id, "ssm:") ? "arn:${var.partition}:ssm:${local.place}:parameter/${trimprefix(trimprefix(id, "ssm:"), "/")}" :
    "arn:${var.partition}:secretsmanager:${local.place}:secret:${trimprefix(id, "secretsmanager:")}-??????"
  }
  secrets_of = {
    for name, function in local.functions : name => distinct(compact(concat(
      contains(function.settings, "database") ? [try(var.database.secret, null)] : [],
      contains(function.settings, "service_database") ? [try(var.service_database.secret, null)] : [],
      contains(function.settings, "cursor_keys") ? [var.cursor_keys_secret] : [],
      function.needs.secrets,
    )))
  }

  database_url     = var.rds_proxy == null ? try(var.database.url, null) : "postgresql://${aws_db_proxy.this[0].endpoint}:5432/${var.rds_proxy.database}"
  database_profile = var.rds_proxy == null ? try(var.database.profile, null) : "rds-proxy"
  # The URL of a proxy is unknown until it exists, so whether there is one is asked of what is known.
  has_url         = var.rds_proxy != null || try(var.database.url, null) != null
  has_service_url = var.rds_proxy != null || try(var.service_database.url, null) != null
  setting_variables = {
    database = merge(
      { for name, value in {
        ORG_COMMON_DATABASE_SECRET  = try(var.database.secret, null)
        ORG_COMMON_DATABASE_PROFILE = local.database_profile
        ORG_COMMON_DATABASE_AUTH    = try(var.database.auth, null)
      } : name => value if value != null },
      local.has_url ? { ORG_COMMON_DATABASE_URL = local.database_url } : {},
    )
    service_database = merge(
      { for name, value in {
        ORG_COMMON_SERVICE_DATABASE_SECRET = try(var.service_database.secret, null)
        ORG_COMMON_DATABASE_PROFILE        = local.database_profile
      } : name => value if value != null },
      local.has_service_url ? { ORG_COMMON_SERVICE_DATABASE_URL = var.rds_proxy == null ? var.service_database.url : local.database_url } : {},
    )
    cursor_keys = { for name, value in { ORG_COMMON_CURSOR_KEYS_SECRET = var.cursor_keys_secret } : name => value if value != null }
    issuers     = length(var.issuers) > 0 ? { ORG_COMMON_ISSUERS = jsonencode(var.issuers) } : {}
  }
  streams = {
    for name, function in local.functions : name =>
    contains(function.events, "function_url") && anytrue([for route in function.routes : route.streams])
  }
  environment = {
    for name, function in local.functions : name => merge(concat(
      [var.environment],
      [for setting in function.settings : local.setting_variables[setting]],
      [local.streams[name] ? { AWS_LAMBDA_EXEC_WRAPPER = "/opt/python/org_common/runtime.sh" } : {}],
      [{ for variable, text in function.environment : variable => replace(replace(replace(replace(text, "{prefix}", var.prefix), "{region}", var.region), "{account}", var.account), "{partition}", var.partition) }],
    )...)
  }

  statements = {
    for name, function in local.functions : name => [
      for statement in concat(
        [
          {
            sid       = "Secrets"
            actions   = ["secretsmanager:GetSecretValue"]
            resources = [for reference in local.secrets_of[name] : local.secret_arn[reference] if strcontains(local.secret_arn[reference], ":secretsmanager:")]
          },
          {
            sid       = "Parameters"
            actions   = ["ssm:GetParameter"]
            resources = [for reference in local.secrets_of[name] : local.secret_arn[reference] if strcontains(local.secret_arn[reference], ":ssm:")]
          },
          { sid = "Keys", actions = ["kms:Decrypt"], resources = length(local.secrets_of[name]) > 0 ? var.secrets_kms_key_arns : [] },
          {
            sid       = "Database"
            actions   = ["rds-db:connect"]
            resources = contains(function.settings, "database") ? compact([try(var.database.dbuser_arn, null)]) : []
          },
          { sid = "Sends", actions = ["sqs:GetQueueUrl", "sqs:SendMessage"], resources = [for queue in function.needs.sends : local.queue_arn[queue]] },
          {
            sid       = "Consumes"
            actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
            resources = [for queue in distinct(concat(keys(function.queues), function.needs.consumes)) : local.queue_arn[queue]]
          },
          { sid = "Objects", actions = ["s3:GetObject", "s3:PutObject"], resources = [for bucket in function.needs.buckets : "${local.bucket_arn[bucket]}/*"] },
        ],
        [
          for action, resources in function.needs.actions : {
            sid     = replace(title(replace(action, ":", " ")), "/[^A-Za-z0-9]/", "")
            actions = [action]
            # The manifest refuses actions without resources, unless AWS has none for them.
            resources = length(resources) == 0 ? ["*"] : [
              for resource in resources : replace(replace(replace(replace(resource, "{prefix}", var.prefix), "{region}", var.region), "{account}", var.account), "{partition}", var.partition)
            ]
          }
        ],
      ) : statement if length(statement.resources) > 0
    ]
  }
  # Schedules, buckets and events invoke a function asynchronously: Lambda keeps what failed in a queue.
  asynchronous = toset([
    for name, function in local.functions : name
    if length(function.schedules) + length(function.bus_events) + length([for bucket in function.buckets : true if bucket.queue == null]) > 0
  ])
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
  layers             = concat([for layer in each.value.layers : aws_lambda_layer_version.this[layer].arn], var.layer_arns)
  memory             = each.value.memory
  timeout            = each.value.timeout
  environment        = local.environment[each.key]
  vpc                = each.value.vpc ? var.vpc : null
  snapstart          = each.value.snapstart
  provisioned        = each.value.provisioned
  reserved           = each.value.reserved
  log_retention      = each.value.log_retention
  log_kms_key_arn    = var.log_kms_key_arn
  statements         = local.statements[each.key]
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
