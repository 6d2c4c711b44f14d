variable "manifest" {
  description = "Path of the manifest that `org-common manifest --build` wrote."
  type        = string
}

variable "build" {
  description = "Folder with the built zips; null for the manifest's folder."
  type        = string
  default     = null
}

variable "prefix" {
  description = "Prefix of all names, such as prod-."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,10}-$", var.prefix))
    error_message = "A prefix has up to 12 lower-case letters, digits and hyphens, and ends with a hyphen: prod-"
  }
}

variable "account" {
  description = "Id of the AWS account."
  type        = string
  validation {
    condition     = can(regex("^[0-9]{12}$", var.account))
    error_message = "An account has 12 digits."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "partition" {
  description = "AWS partition: aws, aws-cn or aws-us-gov."
  type        = string
  default     = "aws"
}

variable "database" {
  description = <<-EOT
    Login of the functions: `secret` is a reference to the stored password or login, `url` has the public parts (host, port,
    database, sslrootcert) of your server, PgBouncer or Supavisor. `profile` says what is in front of the server. With `auth`
    "iam", `dbuser_arn` is the rds-db ARN of the login. With `rds_proxy`, leave `url` and `profile` out.
  EOT
  type = object({
    secret     = optional(string)
    url        = optional(string)
    profile    = optional(string, "transaction-pooler")
    auth       = optional(string, "password")
    dbuser_arn = optional(string)
  })
  default = null
}

variable "service_database" {
  description = "Login of the functions that act for all organizations, as `database`."
  type        = object({ secret = string, url = optional(string) })
  default     = null
}

variable "cursor_keys_secret" {
  description = "Reference to the stored keys that sign cursors."
  type        = string
  default     = null
}

variable "issuers" {
  description = "Accepted issuers of tokens, as in ORG_COMMON_ISSUERS."
  type        = any
  default     = []
}

variable "secrets_kms_key_arns" {
  description = "KMS keys of the secrets, if they have keys of their own."
  type        = list(string)
  default     = []
}

variable "layer_arns" {
  description = "ARNs of more layers for every function, such as one with the certificates of RDS."
  type        = list(string)
  default     = []
}

variable "environment" {
  description = "Variables for all functions, such as ORG_COMMON_LOG_LEVEL. No secrets."
  type        = map(string)
  default     = {}
}

variable "otel" {
  description = <<-EOT
    OpenTelemetry for all functions but streaming ones: the ARN of a layer that sets up its SDK and collector, such as ADOT's
    for your region, Python and architecture. `environment` configures it, such as OPENTELEMETRY_COLLECTOR_CONFIG_URI. Null
    for X-Ray's traces of Lambda alone.
  EOT
  type = object({
    layer_arn   = string
    wrapper     = optional(string, "/opt/otel-instrument")
    environment = optional(map(string), {})
  })
  default = null
}

variable "vpc" {
  description = "Subnets and security groups of the functions that use the database; null without a VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "rds_proxy" {
  description = "Creates an RDS Proxy in front of an instance or cluster, which reads the passwords of its logins from these secrets."
  type = object({
    secret_arns            = list(string)
    subnet_ids             = list(string)
    security_group_ids     = list(string)
    instance               = optional(string)
    cluster                = optional(string)
    database               = string
    max_connections_pct    = optional(number, 80)
    borrow_timeout_seconds = optional(number, 5)
  })
  default = null
}

variable "api" {
  description = <<-EOT
    The HTTP API. `burst` and `rate` (requests a second) throttle each route. `authorizer_ttl` is how many seconds API Gateway
    caches the result of the authorizer for a token, 0 to 3600. `cors` lets API Gateway respond to preflight requests of
    apps that have no cors of their own.
  EOT
  type = object({
    burst          = optional(number, 200)
    rate           = optional(number, 100)
    authorizer_ttl = optional(number, 300)
    cors = optional(object({
      origins     = list(string)
      headers     = optional(list(string), ["authorization", "content-type", "idempotency-key", "if-match", "if-none-match"])
      methods     = optional(list(string), ["DELETE", "GET", "PATCH", "POST", "PUT"])
      expose      = optional(list(string), ["etag", "idempotent-replayed", "location", "retry-after"])
      max_age     = optional(number, 600)
      credentials = optional(bool, false)
    }))
  })
  default = {}
}

variable "jwt" {
  description = "Issuer and audiences of the API's own JWT authorizer, for apps with GatewayJwt()."
  type        = object({ issuer = string, audience = list(string) })
  default     = null
}

variable "event_bus" {
  description = "Name of the event bus whose events invoke functions."
  type        = string
  default     = "default"
}

variable "bucket_origins" {
  description = "Origins of web pages that upload to the buckets with presigned URLs."
  type        = list(string)
  default     = []
}

variable "log_kms_key_arn" {
  description = "KMS key of the log groups; null for the key of CloudWatch Logs."
  type        = string
  default     = null
}

variable "canary" {
  description = "CodeDeploy configuration that moves the aliases, such as LambdaCanary10Percent5Minutes; null to move them at once."
  type        = string
  default     = null
}

variable "alarms" {
  description = <<-EOT
    Topics that alarms notify, and thresholds. `outbox_relay` is the function dimension of your relay's metrics;
    `database_instance` and `max_connections` are for the alarm on connections.
  EOT
  type = object({
    topic_arns        = optional(list(string), [])
    cold_start_pct    = optional(number, 10)
    p95_pct           = optional(number, 50)
    outbox_lag        = optional(number, 300)
    outbox_relay      = optional(string)
    database_instance = optional(string)
    max_connections   = optional(number)
    connections_pct   = optional(number, 80)
  })
  default = {}
}
