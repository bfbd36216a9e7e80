locals {
  by_tasks = {
    StringEquals = { "aws:SourceAccount" = local.account }
    ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:ecs:${local.region}:${local.account}:*" }
  }
}

resource "aws_iam_role" "task" {
  name_prefix = "sagewatch-task-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = local.by_tasks
    }]
  })
}

# What `sagewatch doctor --policy` prints for the configuration, and nothing else. A test holds the two together.
resource "aws_iam_role_policy" "task" {
  name = "sagewatch"
  role = aws_iam_role.task.id
  policy = templatefile("${path.module}/policy.json.tftpl", {
    partition    = local.partition
    suffix       = local.suffix
    region       = local.region
    alerts_bus   = aws_cloudwatch_event_bus.alerts.arn
    alerts_topic = aws_sns_topic.alerts.arn
    events_queue = aws_sqs_queue.events.arn
    files_queue  = aws_sqs_queue.files.arn
    bucket       = local.bucket
    prefix       = var.trail_prefix
  })
}

resource "aws_iam_role_policy" "task_members" {
  count = local.has_members ? 1 : 0
  name  = "sagewatch-members"
  role  = aws_iam_role.task.id
  policy = templatefile("${path.module}/policy-members.json.tftpl", {
    roles = [for account in var.member_accounts : "arn:${local.partition}:iam::${account}:role/sagewatch-read"]
  })
}

# Of ECS, to start the task: image, log, secret. Sagewatch cannot use it.
resource "aws_iam_role" "execution" {
  name_prefix = "sagewatch-start-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = local.by_tasks
    }]
  })
}

resource "aws_iam_role_policy" "execution" {
  name = "start"
  role = aws_iam_role.execution.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        { Effect = "Allow", Action = ["ecr:GetAuthorizationToken"], Resource = "*" },
        {
          Effect   = "Allow"
          Action   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
          Resource = "arn:${local.partition}:ecr:${local.region}:${local.account}:repository/${var.repository}"
        },
        {
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = "${aws_cloudwatch_log_group.log.arn}:*"
        },
      ],
      var.secret_arn == null ? [] : [
        { Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = var.secret_arn },
      ],
    )
  })
}

# Of ECS, to make and delete the volume of a task.
resource "aws_iam_role" "volumes" {
  count       = local.is_ec2 ? 0 : 1
  name_prefix = "sagewatch-volumes-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ecs.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = local.by_tasks
    }]
  })
}

resource "aws_iam_role_policy_attachment" "volumes" {
  count      = local.is_ec2 ? 0 : 1
  role       = aws_iam_role.volumes[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonECSInfrastructureRolePolicyForVolumes"
}

resource "aws_iam_role" "machine" {
  count       = local.is_ec2 ? 1 : 0
  name_prefix = "sagewatch-machine-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.${local.suffix}" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "machine" {
  count      = local.is_ec2 ? 1 : 0
  role       = aws_iam_role.machine[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role"
}

resource "aws_iam_instance_profile" "machine" {
  count       = local.is_ec2 ? 1 : 0
  name_prefix = "sagewatch-machine-"
  role        = aws_iam_role.machine[0].name
}
