resource "aws_cloudwatch_event_rule" "calls" {
  name          = "sagewatch-calls"
  description   = "Calls that CloudTrail records, to Sagewatch."
  state         = local.rule_state
  event_pattern = file("${path.module}/patterns/calls.json")
}

resource "aws_cloudwatch_event_target" "calls" {
  rule      = aws_cloudwatch_event_rule.calls.name
  target_id = "events"
  arn       = aws_sqs_queue.events.arn
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_cloudwatch_event_rule" "findings" {
  name          = "sagewatch-findings"
  description   = "Findings and changes of state, to Sagewatch."
  state         = "ENABLED"
  event_pattern = file("${path.module}/patterns/findings.json")
}

resource "aws_cloudwatch_event_target" "findings" {
  rule      = aws_cloudwatch_event_rule.findings.name
  target_id = "events"
  arn       = aws_sqs_queue.events.arn
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

# For a trail that is there and has no topic: its bucket must send its events to EventBridge.
resource "aws_cloudwatch_event_rule" "files" {
  count         = local.bucket_events ? 1 : 0
  name          = "sagewatch-files"
  description   = "New files of the trail, to Sagewatch."
  state         = "ENABLED"
  event_pattern = templatefile("${path.module}/patterns/files.json.tftpl", { bucket = local.bucket, prefix = var.trail_prefix })
}

resource "aws_cloudwatch_event_target" "files" {
  count     = local.bucket_events ? 1 : 0
  rule      = aws_cloudwatch_event_rule.files[0].name
  target_id = "files"
  arn       = aws_sqs_queue.files.arn
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_sns_topic_subscription" "files" {
  count                = local.own_trail || local.bucket_events ? 0 : 1
  topic_arn            = var.trail_topic
  protocol             = "sqs"
  endpoint             = aws_sqs_queue.files.arn
  raw_message_delivery = true
  depends_on           = [aws_sqs_queue_policy.files]
}

# Other accounts and Regions forward to a bus of its own, so that what they send meets no other rule of this account.
resource "aws_cloudwatch_event_bus" "members" {
  count = local.has_forwarders ? 1 : 0
  name  = "sagewatch-members"
}

resource "aws_cloudwatch_event_bus_policy" "members" {
  count          = local.has_forwarders ? 1 : 0
  event_bus_name = aws_cloudwatch_event_bus.members[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [merge(
      { Sid = "members", Effect = "Allow", Action = "events:PutEvents", Resource = aws_cloudwatch_event_bus.members[0].arn },
      { Principal = var.organization_id == null ? { AWS = var.member_accounts } : { AWS = ["*"] } },
      var.organization_id == null ? {} : {
        Condition = { StringEquals = { "aws:PrincipalOrgID" = var.organization_id } }
      },
    )]
  })
}

# Nobody can put events of these sources by hand: PutEvents refuses "aws.".
resource "aws_cloudwatch_event_rule" "forwarded" {
  count          = local.has_forwarders ? 1 : 0
  name           = "sagewatch-forwarded"
  description    = "What other accounts and Regions forward, to Sagewatch."
  event_bus_name = aws_cloudwatch_event_bus.members[0].name
  state          = local.rule_state
  event_pattern  = file("${path.module}/patterns/forwarded.json")
}

resource "aws_cloudwatch_event_target" "forwarded" {
  count          = local.has_forwarders ? 1 : 0
  rule           = aws_cloudwatch_event_rule.forwarded[0].name
  event_bus_name = aws_cloudwatch_event_bus.members[0].name
  target_id      = "events"
  arn            = aws_sqs_queue.events.arn
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

# Playbooks hang on this bus: patterns are in deploy/eventbridge.
resource "aws_cloudwatch_event_bus" "alerts" {
  name = "sagewatch-alerts"
}

resource "aws_cloudwatch_event_rule" "heartbeat" {
  name           = "sagewatch-heartbeat"
  description    = "Heartbeats of Sagewatch, for an alarm when none comes."
  event_bus_name = aws_cloudwatch_event_bus.alerts.name
  state          = "ENABLED"
  event_pattern  = file("${path.module}/patterns/heartbeat.json")
}

resource "aws_cloudwatch_event_target" "heartbeat" {
  rule           = aws_cloudwatch_event_rule.heartbeat.name
  event_bus_name = aws_cloudwatch_event_bus.alerts.name
  target_id      = "heartbeats"
  arn            = aws_sqs_queue.heartbeats.arn
  dead_letter_config {
    arn = aws_sqs_queue.undelivered.arn
  }
}

resource "aws_sns_topic" "alerts" {
  name         = "sagewatch-alerts"
  display_name = "Sagewatch alerts"
}

resource "aws_sns_topic" "alarms" {
  name         = "sagewatch-alarms"
  display_name = "Sagewatch alarms"
}

resource "aws_sns_topic_subscription" "mail" {
  for_each  = var.alert_email == null ? {} : { alerts = aws_sns_topic.alerts.arn, alarms = aws_sns_topic.alarms.arn }
  topic_arn = each.value
  protocol  = "email"
  endpoint  = var.alert_email
}
