# Messages are kept for an outage of two weeks; five receives, then a person looks.

resource "aws_sqs_queue" "events" {
  name                       = "sagewatch-events"
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 120
  sqs_managed_sse_enabled    = true
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.events_dead_letters.arn, maxReceiveCount = 5 })
}

resource "aws_sqs_queue" "events_dead_letters" {
  name                      = "sagewatch-events-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "files" {
  name                       = "sagewatch-files"
  message_retention_seconds  = 1209600
  visibility_timeout_seconds = 120
  sqs_managed_sse_enabled    = true
  redrive_policy             = jsonencode({ deadLetterTargetArn = aws_sqs_queue.files_dead_letters.arn, maxReceiveCount = 5 })
}

resource "aws_sqs_queue" "files_dead_letters" {
  name                      = "sagewatch-files-dead-letters"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

# What EventBridge could not bring to a queue.
resource "aws_sqs_queue" "undelivered" {
  name                      = "sagewatch-undelivered"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

# Nobody reads it: the alarm counts what comes.
resource "aws_sqs_queue" "heartbeats" {
  name                      = "sagewatch-heartbeats"
  message_retention_seconds = 60
  sqs_managed_sse_enabled   = true
}

locals {
  # Who may send to a queue: the service, and what of it.
  rules = concat(
    [aws_cloudwatch_event_rule.calls.arn, aws_cloudwatch_event_rule.findings.arn],
    aws_cloudwatch_event_rule.forwarded[*].arn,
  )
  files_sender = (
    local.own_trail ? { service = "s3.amazonaws.com", arn = "arn:${local.partition}:s3:::${local.bucket}" } :
    local.bucket_events ? { service = "events.amazonaws.com", arn = one(aws_cloudwatch_event_rule.files[*].arn) } :
    { service = "sns.amazonaws.com", arn = var.trail_topic }
  )
}

resource "aws_sqs_queue_policy" "events" {
  queue_url = aws_sqs_queue.events.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.events.arn
      Condition = { ArnEquals = { "aws:SourceArn" = local.rules } }
    }]
  })
}

resource "aws_sqs_queue_policy" "files" {
  queue_url = aws_sqs_queue.files.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = local.files_sender.service }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.files.arn
      Condition = merge(
        { ArnEquals = { "aws:SourceArn" = local.files_sender.arn } },
        # The name of a bucket could be taken by somebody else.
        local.own_trail ? { StringEquals = { "aws:SourceAccount" = local.account } } : {},
      )
    }]
  })
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
          "aws:SourceArn" = concat(
            local.rules,
            aws_cloudwatch_event_rule.files[*].arn,
            [aws_cloudwatch_event_rule.heartbeat.arn],
          )
        }
      }
    }]
  })
}

resource "aws_sqs_queue_policy" "heartbeats" {
  queue_url = aws_sqs_queue.heartbeats.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.heartbeats.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.heartbeat.arn } }
    }]
  })
}
