resource "aws_ecs_cluster" "sagewatch" {
  name = "sagewatch"
}

resource "aws_cloudwatch_log_group" "log" {
  name_prefix       = "sagewatch-"
  retention_in_days = 90
  skip_destroy      = true
}

locals {
  config = templatefile("${path.module}/sagewatch.yml.tftpl", {
    region       = local.region
    events_queue = aws_sqs_queue.events.url
    files_queue  = aws_sqs_queue.files.url
    bucket       = local.bucket
    prefix       = var.trail_prefix
    # A volume of Fargate begins empty: the last day is read again, under the same alert ids.
    overlap      = local.is_ec2 ? "60m" : "24h"
    lookup       = local.lookup
    alerts_bus   = aws_cloudwatch_event_bus.alerts.arn
    alerts_topic = aws_sns_topic.alerts.arn
    more_config  = var.more_config
  })
  lookup = local.has_members ? templatefile("${path.module}/lookup.yml.tftpl", {
    region      = local.region
    accounts    = var.member_accounts
    external_id = var.external_id
  }) : ""
}

resource "aws_ecs_task_definition" "sagewatch" {
  family                   = "sagewatch"
  requires_compatibilities = [var.launch]
  network_mode             = "awsvpc"
  cpu                      = 1024
  memory                   = 2048
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions = templatefile("${path.module}/containers.json.tftpl", {
    image   = "${local.account}.dkr.ecr.${local.region}.${local.suffix}/${var.repository}:${var.image_tag}"
    config  = local.config
    log     = aws_cloudwatch_log_group.log.name
    region  = local.region
    secrets = var.secret_arn == null ? [] : [{ name = "SAGEWATCH_SECRET", valueFrom = var.secret_arn }]
  })

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.architecture
  }

  volume {
    name                = "state"
    host_path           = local.is_ec2 ? "/var/lib/sagewatch" : null
    configure_at_launch = local.is_ec2 ? null : true
  }
}

# The one before ends, then the next begins: two never write one state.
resource "aws_ecs_service" "sagewatch" {
  name                               = "sagewatch"
  cluster                            = aws_ecs_cluster.sagewatch.id
  task_definition                    = aws_ecs_task_definition.sagewatch.arn
  launch_type                        = var.launch
  platform_version                   = local.is_ec2 ? null : "1.4.0"
  desired_count                      = var.running ? 1 : 0
  deployment_maximum_percent         = 100
  deployment_minimum_healthy_percent = 0
  availability_zone_rebalancing      = "DISABLED"
  enable_execute_command             = false

  # What the task needs before it can start, and the machine that it starts on.
  depends_on = [
    aws_vpc_endpoint.service,
    aws_vpc_endpoint.s3,
    aws_volume_attachment.state,
    aws_iam_role_policy.task,
    aws_iam_role_policy.task_members,
    aws_iam_role_policy.execution,
    aws_iam_role_policy_attachment.volumes,
  ]

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = local.subnets
    security_groups  = [aws_security_group.task.id]
    assign_public_ip = false
  }

  dynamic "volume_configuration" {
    for_each = aws_iam_role.volumes[*].arn
    content {
      name = "state"
      managed_ebs_volume {
        role_arn         = volume_configuration.value
        size_in_gb       = var.state_gib
        volume_type      = "gp3"
        file_system_type = "xfs"
        encrypted        = true
      }
    }
  }
}
