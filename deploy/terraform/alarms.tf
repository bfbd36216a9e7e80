locals {
  # Alarms over one metric of a queue: what they say, and when.
  queue_alarms = {
    heartbeat = {
      description = "No heartbeat of Sagewatch has come for 15 minutes. docs/runbook.md, sagewatch.heartbeat."
      queue       = aws_sqs_queue.heartbeats.name, metric = "NumberOfMessagesSent", statistic = "Sum"
      period      = 300, periods = 3, below = true, threshold = 1, missing = "breaching", enabled = var.running
    }
    events-queue-age = {
      description = "Events wait for more than 5 minutes. docs/runbook.md, Lag."
      queue       = aws_sqs_queue.events.name, metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum"
      period      = 60, periods = 5, below = false, threshold = 300, missing = "notBreaching", enabled = true
    }
    files-queue-age = {
      description = "Files of the trail wait for more than 5 minutes. docs/runbook.md, Lag."
      queue       = aws_sqs_queue.files.name, metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum"
      period      = 60, periods = 5, below = false, threshold = 300, missing = "notBreaching", enabled = true
    }
    events-dead-letters-not-empty = {
      description = "Messages were received five times and never finished. They are kept 14 days; find out why, then redrive them."
      queue       = aws_sqs_queue.events_dead_letters.name, metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
      period      = 300, periods = 1, below = false, threshold = 0, missing = "notBreaching", enabled = true
    }
    files-dead-letters-not-empty = {
      description = "Notices of files were received five times and never finished. They are kept 14 days; find out why, then redrive them."
      queue       = aws_sqs_queue.files_dead_letters.name, metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
      period      = 300, periods = 1, below = false, threshold = 0, missing = "notBreaching", enabled = true
    }
    undelivered-not-empty = {
      description = "EventBridge could not bring events to the queue. Look at the queue's policy."
      queue       = aws_sqs_queue.undelivered.name, metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum"
      period      = 300, periods = 1, below = false, threshold = 0, missing = "notBreaching", enabled = true
    }
    # An attacker's first step is to stop the trail.
    trail-silent = {
      description = "No file of the trail has been noticed for 6 hours. Does it still log, and does its bucket still tell?"
      queue       = aws_sqs_queue.files.name, metric = "NumberOfMessagesSent", statistic = "Sum"
      period      = 3600, periods = 6, below = true, threshold = 1, missing = "breaching", enabled = true
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "queue" {
  for_each            = local.queue_alarms
  alarm_name          = "sagewatch-${each.key}"
  alarm_description   = each.value.description
  namespace           = "AWS/SQS"
  metric_name         = each.value.metric
  dimensions          = { QueueName = each.value.queue }
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  treat_missing_data  = each.value.missing
  actions_enabled     = each.value.enabled
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}

# Sagewatch asks its queue at least each 20 s. Five minutes in which nobody did: it is down, or takes no input.
resource "aws_cloudwatch_metric_alarm" "queue_not_asked" {
  alarm_name          = "sagewatch-queue-not-asked"
  alarm_description   = "Sagewatch has not asked its queue for 5 minutes. docs/runbook.md, Heartbeat missing and Not ready."
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  evaluation_periods  = 5
  treat_missing_data  = "breaching"
  actions_enabled     = var.running
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "asked"
    label       = "receives"
    expression  = "FILL(empty, 0) + FILL(full, 0)"
    return_data = true
  }
  metric_query {
    id = "empty"
    metric {
      namespace   = "AWS/SQS"
      metric_name = "NumberOfEmptyReceives"
      dimensions  = { QueueName = aws_sqs_queue.events.name }
      period      = 60
      stat        = "Sum"
    }
  }
  metric_query {
    id = "full"
    metric {
      namespace   = "AWS/SQS"
      metric_name = "NumberOfMessagesReceived"
      dimensions  = { QueueName = aws_sqs_queue.events.name }
      period      = 60
      stat        = "Sum"
    }
  }
}

resource "aws_cloudwatch_log_metric_filter" "errors" {
  name           = "sagewatch-errors"
  log_group_name = aws_cloudwatch_log_group.log.name
  pattern        = "{ ($.level = \"error\") || ($.level = \"fatal\") }"
  metric_transformation {
    namespace     = "Sagewatch"
    name          = "sagewatch-errors"
    value         = "1"
    default_value = "0"
  }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "sagewatch-errors"
  alarm_description   = "Sagewatch told of an error in its log. docs/signals.md and docs/runbook.md say what each means."
  namespace           = "Sagewatch"
  metric_name         = "sagewatch-errors"
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_sns_topic.alarms.arn]
}
