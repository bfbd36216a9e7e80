output "task_role_arn" {
  description = "The identity that Sagewatch runs as, for the module member."
  value       = aws_iam_role.task.arn
}

output "members_bus_arn" {
  description = "Where other accounts and Regions forward events to, for the module member. null without forwarders."
  value       = one(aws_cloudwatch_event_bus.members[*].arn)
}

output "alerts_bus_name" {
  description = "Bus of the alerts, for rules of playbooks."
  value       = aws_cloudwatch_event_bus.alerts.name
}

output "alerts_topic_arn" {
  description = "Topic of alerts of high and critical severity."
  value       = aws_sns_topic.alerts.arn
}

output "cluster_name" {
  value = aws_ecs_cluster.sagewatch.name
}

output "log_group_name" {
  value = aws_cloudwatch_log_group.log.name
}

output "subnet_ids" {
  value = local.subnets
}

output "security_group_id" {
  value = aws_security_group.task.id
}
