output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "alias" {
  description = "Name of the alias that callers invoke."
  value       = local.live.name
}

output "alias_arn" {
  description = "ARN of the alias."
  value       = local.live.arn
}

output "invoke_arn" {
  description = "ARN that API Gateway invokes."
  value       = local.live.invoke_arn
}

output "version" {
  description = "The version that was published last."
  value       = aws_lambda_function.this.version
}

output "role" {
  description = "Name of the function's role."
  value       = aws_iam_role.this.name
}
