output "url" {
  description = "Host name of the balancer: point your domain at it."
  value       = aws_lb.this.dns_name
}

output "zone_id" {
  description = "Hosted zone of the balancer, for an alias record."
  value       = aws_lb.this.zone_id
}

output "cluster" {
  description = "ARN of the ECS cluster."
  value       = local.cluster_arn
}

output "service" {
  description = "Name of the ECS service."
  value       = aws_ecs_service.this.name
}

output "security_group_id" {
  description = "Security group of the tasks, to admit them to the database."
  value       = aws_security_group.task.id
}
