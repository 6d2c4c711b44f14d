output "url" {
  description = "URL of the API; null without routes."
  value       = one(aws_apigatewayv2_stage.this[*].invoke_url)
}

output "function_urls" {
  description = "URLs of the functions that have one, by function."
  value       = { for name, url in aws_lambda_function_url.this : name => url.function_url }
}

output "queues" {
  description = "URLs of the queues, by the name that apps use."
  value       = { for name, queue in aws_sqs_queue.this : name => queue.url }
}

output "buckets" {
  description = "Names of the buckets, by the name that apps use."
  value       = { for name, bucket in aws_s3_bucket.this : name => bucket.id }
}

output "versions" {
  description = "The version of each function that was published last."
  value       = { for name, function in module.function : name => function.version }
}

output "database_endpoint" {
  description = "Endpoint of the RDS Proxy; null without one."
  value       = one(aws_db_proxy.this[*].endpoint)
}

output "deployments" {
  description = "The CodeDeploy application, and its deployment group for each function; empty without canary."
  value       = { for name, group in aws_codedeploy_deployment_group.this : name => { app = group.app_name, group = group.deployment_group_name } }
}
