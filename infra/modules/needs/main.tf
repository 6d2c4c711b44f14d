# What each function of a manifest needs, for a role and an environment. It creates nothing.
locals {
  functions = var.manifest.functions

  # ARNs are written out where they are known before AWS assigns them, so that a plan shows the rights of each role.
  place = "${var.region}:${var.account}"
  fifo = distinct(flatten([
    for function in local.functions : [for queue, options in function.queues : queue if options.fifo]
  ]))
  queue_names = distinct(flatten([
    for function in local.functions : concat(keys(function.queues), function.needs.sends, function.needs.consumes)
  ]))
  queue_id = {
    for name in local.queue_names : name => "${var.prefix}${name}${contains(local.fifo, name) ? ".fifo" : ""}"
  }
  queue_arn = {
    for name in local.queue_names : name =>
    startswith(name, "arn:") ? name : "arn:${var.partition}:sqs:${local.place}:${local.queue_id[name]}"
  }
  bucket_names = distinct(flatten([for function in local.functions : concat(keys(function.buckets), function.needs.buckets)]))
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

  database_profile = var.proxy == null ? try(var.database.profile, null) : "rds-proxy"
  # The URL of a proxy is unknown until it exists, so whether there is one is asked of what is known.
  has_url         = var.proxy != null || try(var.database.url, null) != null
  has_service_url = var.proxy != null || try(var.service_database.url, null) != null
  setting_variables = {
    database = merge(
      { for name, value in {
        ORG_COMMON_DATABASE_SECRET  = try(var.database.secret, null)
        ORG_COMMON_DATABASE_PROFILE = local.database_profile
        ORG_COMMON_DATABASE_AUTH    = try(var.database.auth, null)
      } : name => value if value != null },
      local.has_url ? { ORG_COMMON_DATABASE_URL = var.proxy == null ? var.database.url : var.proxy.url } : {},
    )
    service_database = merge(
      { for name, value in {
        ORG_COMMON_SERVICE_DATABASE_SECRET = try(var.service_database.secret, null)
        ORG_COMMON_DATABASE_PROFILE        = local.database_profile
      } : name => value if value != null },
      local.has_service_url ? { ORG_COMMON_SERVICE_DATABASE_URL = var.proxy == null ? var.service_database.url : var.proxy.url } : {},
    )
    cursor_keys = { for name, value in { ORG_COMMON_CURSOR_KEYS_SECRET = var.cursor_keys_secret } : name => value if value != null }
    issuers     = length(var.issuers) > 0 ? { ORG_COMMON_ISSUERS = jsonencode(var.issuers) } : {}
  }
  environment = {
    for name, function in local.functions : name => merge(concat(
      [var.environment],
      [for setting in function.settings : local.setting_variables[setting]],
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
}
