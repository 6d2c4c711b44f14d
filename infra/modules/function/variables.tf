variable "name" {
  description = "Name of the function, of its role and of its log group."
  type        = string
  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.name))
    error_message = "A name has up to 64 letters, digits, hyphens and underscores."
  }
}

variable "handler" {
  description = "Handler: the module and the name of the app, such as shop.orders.app."
  type        = string
}

variable "runtime" {
  description = "Lambda's runtime: python3.11 or later."
  type        = string
}

variable "architecture" {
  description = "Processor: arm64 or x86_64."
  type        = string
}

variable "zip" {
  description = "Built zip: its path, and its SHA-256 in Base64. A new hash is what deploys new code."
  type        = object({ path = string, sha256 = string })
}

variable "layers" {
  description = "ARNs of layer versions, in the order in which Lambda unzips them."
  type        = list(string)
  default     = []
}

variable "memory" {
  description = "Megabytes."
  type        = number
  default     = 512
}

variable "timeout" {
  description = "Seconds."
  type        = number
  default     = 15
}

variable "environment" {
  description = "Environment variables. Secrets belong into Secrets Manager: name them here."
  type        = map(string)
  default     = {}
}

variable "vpc" {
  description = "Subnets and security groups of the function; null outside of a VPC."
  type        = object({ subnet_ids = list(string), security_group_ids = list(string) })
  default     = null
}

variable "snapstart" {
  description = "Start from a snapshot of the published version."
  type        = bool
  default     = false
}

variable "provisioned" {
  description = "Initialized environments, scaled between min and max by utilization and by schedules; null for none."
  type = object({
    min         = number
    max         = number
    utilization = optional(number, 0.7)
    schedules   = optional(map(object({ at = string, timezone = string, min = number, max = number })), {})
  })
  default = null
  validation {
    condition     = var.provisioned == null ? true : 1 <= var.provisioned.min && var.provisioned.min <= var.provisioned.max
    error_message = "provisioned needs 1 <= min <= max."
  }
}

variable "reserved" {
  description = "The most environments at a time; null for the account's limit."
  type        = number
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

variable "statements" {
  description = "What the function's role may do, next to its log, its traces and its VPC."
  type        = list(object({ sid = string, actions = list(string), resources = list(string) }))
  default     = []
  validation {
    condition     = alltrue([for statement in var.statements : alltrue([for action in statement.actions : !strcontains(action, "*")])])
    error_message = "Name each action: patterns allow what the function does not need."
  }
}

variable "failures_queue_arn" {
  description = "Queue for events of asynchronous invocations that failed twice; null if nothing invokes the function asynchronously."
  type        = string
  default     = null
}

variable "canary" {
  description = "CodeDeploy moves the alias. Terraform then only publishes versions."
  type        = bool
  default     = false
}

variable "account" {
  description = "Id of the AWS account."
  type        = string
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
