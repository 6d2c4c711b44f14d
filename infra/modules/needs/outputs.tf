output "environment" {
  description = "The environment variables of each function, by function."
  value       = local.environment
}

output "statements" {
  description = "What the role of each function may do, next to its log and its traces, by function."
  value       = local.statements
}

output "queue_names" {
  description = "Names of the queues in AWS, by the name that apps use."
  value       = local.queue_id
}

output "queue_arns" {
  description = "ARNs of the queues, by the name that apps use."
  value       = local.queue_arn
}

output "bucket_names" {
  description = "The buckets of all functions, by the name that apps use."
  value       = local.bucket_names
}

output "bucket_arns" {
  description = "ARNs of the buckets, by the name that apps use."
  value       = local.bucket_arn
}
