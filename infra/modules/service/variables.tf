variable "manifest" {
  description = "Path of the manifest that `org-common manifest` wrote."
  type        = string
}

variable "apps" {
  description = "Names of the apps that the container serves."
  type        = list(string)
}

variable "name" {
  description = "Name of the service, after the prefix."
  type        = string
  default     = "web"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.name))
    error_message = "A name has up to 16 lower-case letters, digits and hyphens: load balancers take 32 with the prefix."
  }
}

variable "image" {
  description = "Image of the container, best with its digest: a new image is what deploys new code."
  type        = string
}

variable "repository_arn" {
  description = "ARN of the ECR repository of the image; null for an image that needs no login."
  type        = string
  default     = null
}

variable "cpu" {
  description = "Units of a task's processor, 1024 for one. A process uses at most one."
  type        = number
  default     = 1024
}

variable "memory" {
  description = "Megabytes of a task."
  type        = number
  default     = 2048
}

variable "tasks" {
  description = <<-EOT
    How many tasks run: between `min` and `max`, by `requests` a minute of each task and by `cpu` in percent. Each task has a
    pool of connections of its own, and a deploy runs the old and the new ones at once.
  EOT
  type = object({
    min      = optional(number, 2)
    max      = optional(number, 10)
    requests = optional(number, 6000)
    cpu      = optional(number, 60)
  })
  default = {}
  validation {
    condition     = 1 <= var.tasks.min && var.tasks.min <= var.tasks.max
    error_message = "tasks needs 1 <= min <= max."
  }
}

variable "stop_timeout" {
  description = "Seconds from SIGTERM to SIGKILL, up to 120: above the wait of Drain and uvicorn's --timeout-graceful-shutdown together."
  type        = number
  default     = 60
}

variable "vpc" {
  description = <<-EOT
    The network: `id` and `cidr` of the VPC, subnets of the tasks and of the balancer, and security groups that let the tasks
    reach the database and AWS. `callers` are the networks that may call the balancer.
  EOT
  type = object({
    id                  = string
    cidr                = string
    task_subnet_ids     = list(string)
    balancer_subnet_ids = list(string)
    security_group_ids  = list(string)
    callers             = optional(list(string), ["0.0.0.0/0"])
  })
}

variable "certificate_arn" {
  description = "Certificate of the balancer: it serves HTTPS alone."
  type        = string
}

variable "is_internal" {
  description = "The balancer has private addresses only."
  type        = bool
  default     = false
}

variable "balancer_log_bucket" {
  description = "Bucket for the balancer's access log; null for none. The container writes an access log of its own."
  type        = string
  default     = null
}

variable "web_acl_arn" {
  description = "Firewall (WAF) of the balancer; null for none."
  type        = string
  default     = null
}

variable "is_protected" {
  description = "AWS refuses to delete the balancer, until you switch it off."
  type        = bool
  default     = true
}

variable "cluster_arn" {
  description = "ECS cluster; null to create one. The alarm on tasks needs its Container Insights."
  type        = string
  default     = null
}

variable "log_retention" {
  description = "Days."
  type        = number
  default     = 30
}

variable "log_kms_key_arn" {
  description = "KMS key of the log group; null for the key of CloudWatch Logs."
  type        = string
  default     = null
}

variable "alarms" {
  description = <<-EOT
    Topics that alarms notify, and thresholds. `errors` is a number in a minute, `p95_seconds` the response time at the
    balancer; `database_instance` and `max_connections` are for the alarm on connections.
  EOT
  type = object({
    topic_arns        = optional(list(string), [])
    cpu_pct           = optional(number, 85)
    memory_pct        = optional(number, 85)
    errors            = optional(number, 1)
    p95_seconds       = optional(number, 1)
    database_instance = optional(string)
    max_connections   = optional(number)
    connections_pct   = optional(number, 80)
  })
  default = {}
  validation {
    condition     = (var.alarms.database_instance == null) == (var.alarms.max_connections == null)
    error_message = "The alarm on connections needs both database_instance and max_connections."
  }
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
    "iam", `dbuser_arn` is the rds-db ARN of the login. With `proxy`, leave `url` and `profile` out.
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

variable "proxy" {
  description = "URL of an RDS Proxy in front of the database, in place of the URLs of the logins; null without one."
  type        = object({ url = string })
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

variable "environment" {
  description = "Variables of the container, such as ORG_COMMON_LOG_LEVEL. No secrets."
  type        = map(string)
  default     = {}
}
