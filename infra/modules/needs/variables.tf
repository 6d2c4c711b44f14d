variable "manifest" {
  description = "The manifest, decoded."
  type        = any
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
  description = "Variables for all functions, such as ORG_COMMON_LOG_LEVEL. No secrets."
  type        = map(string)
  default     = {}
}
