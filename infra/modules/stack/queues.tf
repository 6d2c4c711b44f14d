locals {
  consumed = merge([
    for name, function in local.functions : {
      for queue, options in function.queues : queue => merge(options, { function = name, timeout = function.timeout })
    }
  ]...)
  # Buckets that notify through a queue, by queue.
  notifying = merge([
    for function in local.functions : { for bucket, options in function.buckets : options.queue => bucket if options.queue != null }
  ]...)
}

resource "aws_sqs_queue" "dead" {
  for_each                  = local.consumed
  name                      = "${var.prefix}${each.key}-dead${each.value.fifo ? ".fifo" : ""}"
  fifo_queue                = each.value.fifo
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

resource "aws_sqs_queue" "this" {
  for_each   = local.consumed
  name       = module.needs.queue_names[each.key]
  fifo_queue = each.value.fifo
  # Lambda's advice: six times the function's timeout, so that a batch in work is not delivered again.
  visibility_timeout_seconds = min(43200, 6 * each.value.timeout)
  message_retention_seconds  = 345600
  sqs_managed_sse_enabled    = true
  # By its name, which a plan knows.
  redrive_policy = jsonencode({
    deadLetterTargetArn = "arn:${var.partition}:sqs:${local.place}:${aws_sqs_queue.dead[each.key].name}"
    maxReceiveCount     = each.value.receives
  })
}

resource "aws_sqs_queue_redrive_allow_policy" "this" {
  for_each  = local.consumed
  queue_url = aws_sqs_queue.dead[each.key].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.this[each.key].arn]
  })
}

resource "aws_sqs_queue_policy" "this" {
  for_each  = local.consumed
  queue_url = aws_sqs_queue.this[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = module.needs.queue_arns[each.key]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      [for bucket in [for queue, bucket in local.notifying : bucket if queue == each.key] : {
        Sid       = "Notifications"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = module.needs.queue_arns[each.key]
        Condition = {
          ArnEquals    = { "aws:SourceArn" = module.needs.bucket_arns[bucket] }
          StringEquals = { "aws:SourceAccount" = var.account }
        }
      }],
    )
  })
}

resource "aws_lambda_event_source_mapping" "this" {
  for_each         = local.consumed
  event_source_arn = aws_sqs_queue.this[each.key].arn
  function_name    = module.function[each.value.function].alias_arn
  batch_size       = each.value.batch
  # Without it, SQS would delete the messages that failed.
  function_response_types = ["ReportBatchItemFailures"]
  scaling_config {
    maximum_concurrency = each.value.concurrency
  }
}

# Events of asynchronous invocations that failed three times.
resource "aws_sqs_queue" "failures" {
  for_each                  = local.asynchronous
  name                      = "${var.prefix}${each.key}-failures"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}
