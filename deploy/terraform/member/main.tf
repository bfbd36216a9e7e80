# What Sagewatch needs in a watched account, once for every Region: a role to read with, in the home Region alone, and the
# forwarding of events.

data "aws_caller_identity" "current" {}
data "aws_region" "current" {}

locals {
  is_home    = data.aws_region.current.region == var.home_region
  rule_state = var.read_only_events ? "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" : "ENABLED"
}

# What `sagewatch doctor --policy` prints under `roles` for this account, and nothing else. A test holds the two together.
resource "aws_iam_role" "read" {
  count       = local.is_home ? 1 : 0
  name        = "sagewatch-read"
  description = "Sagewatch of the security account reads management events with it."
  assume_role_policy = templatefile("${path.module}/trust.json.tftpl", {
    principal   = var.task_role_arn
    external_id = var.external_id
  })
}

resource "aws_iam_role_policy" "read" {
  count  = local.is_home ? 1 : 0
  name   = "sagewatch"
  role   = aws_iam_role.read[0].id
  policy = templatefile("${path.module}/policy.json.tftpl", { region = var.home_region })
}

resource "aws_iam_role" "forward" {
  name_prefix = "sagewatch-forward-"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.current.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "forward" {
  name = "forward"
  role = aws_iam_role.forward.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "events:PutEvents", Resource = var.bus_arn }]
  })
}

# What cannot be forwarded waits here for a person.
resource "aws_sqs_queue" "undelivered" {
  name                      = "sagewatch-undelivered"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue_policy" "undelivered" {
  queue_url = aws_sqs_queue.undelivered.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.undelivered.arn
      Condition = {
        ArnEquals = {
          "aws:SourceArn" = [aws_cloudwatch_event_rule.calls.arn, aws_cloudwatch_event_rule.findings.arn]
        }
      }
    }]
  })
}

resource "aws_cloudwatch_event_rule" "calls" {
  name          = "sagewatch-calls"
  description   = "Calls that CloudTrail records, to Sagewatch of the security account."
  state         = local.rule_state
  event_pattern = file("${path.module}/../patterns/calls.json")
}

resource "aws_cloudwatch_event_target" "calls" {
  rule      = aws_cloudwatch_event_rule.calls.name
  target_id = "bus"
  arn       = var.bus_arn
  role_arn  = aws_iam_role.forward.arn
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_cloudwatch_event_rule" "findings" {
  name          = "sagewatch-findings"
  description   = "Findings and changes of state, to Sagewatch of the security account."
  state         = "ENABLED"
  event_pattern = file("${path.module}/../patterns/findings.json")
}

resource "aws_cloudwatch_event_target" "findings" {
  rule      = aws_cloudwatch_event_rule.findings.name
  target_id = "bus"
  arn       = var.bus_arn
  role_arn  = aws_iam_role.forward.arn
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}
