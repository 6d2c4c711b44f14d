locals {
  buckets = toset([for name in module.needs.bucket_names : name if !startswith(name, "arn:")])
  notifications = {
    for bucket in local.buckets : bucket => [
      for name, function in local.functions : merge(function.buckets[bucket], { function = name }) if contains(keys(function.buckets), bucket)
    ]
  }
  notified = { for bucket, notifications in local.notifications : bucket => notifications if length(notifications) > 0 }
  invoking = merge([
    for bucket, notifications in local.notified : {
      for notification in notifications : "${bucket}/${notification.function}" => { bucket = bucket, function = notification.function } if notification.queue == null
    }
  ]...)
}

resource "aws_s3_bucket" "this" {
  for_each = local.buckets
  bucket   = "${var.prefix}${each.key}"
}

resource "aws_s3_bucket_public_access_block" "this" {
  for_each                = local.buckets
  bucket                  = aws_s3_bucket.this[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_versioning" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "aws:kms"
    }
    bucket_key_enabled = true
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  rule {
    id     = "leftovers"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
    noncurrent_version_expiration {
      noncurrent_days = 30
    }
  }
}

resource "aws_s3_bucket_policy" "this" {
  for_each = local.buckets
  bucket   = aws_s3_bucket.this[each.key].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [module.needs.bucket_arns[each.key], "${module.needs.bucket_arns[each.key]}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
  depends_on = [aws_s3_bucket_public_access_block.this]
}

resource "aws_s3_bucket_cors_configuration" "this" {
  for_each = length(var.bucket_origins) > 0 ? local.buckets : toset([])
  bucket   = aws_s3_bucket.this[each.key].id
  cors_rule {
    allowed_headers = ["*"]
    allowed_methods = ["GET", "POST", "PUT"]
    allowed_origins = var.bucket_origins
    expose_headers  = ["ETag"]
    max_age_seconds = 600
  }
}

resource "aws_lambda_permission" "bucket" {
  for_each       = local.invoking
  statement_id   = "bucket-${md5(each.key)}"
  action         = "lambda:InvokeFunction"
  function_name  = module.function[each.value.function].name
  qualifier      = module.function[each.value.function].alias
  principal      = "s3.amazonaws.com"
  source_arn     = module.needs.bucket_arns[each.value.bucket]
  source_account = var.account
}

resource "aws_s3_bucket_notification" "this" {
  for_each = local.notified
  bucket   = aws_s3_bucket.this[each.key].id

  dynamic "lambda_function" {
    for_each = [for notification in each.value : notification if notification.queue == null]
    content {
      lambda_function_arn = module.function[lambda_function.value.function].alias_arn
      events              = lambda_function.value.events
    }
  }

  dynamic "queue" {
    for_each = [for notification in each.value : notification if notification.queue != null]
    content {
      queue_arn = aws_sqs_queue.this[queue.value.queue].arn
      events    = queue.value.events
    }
  }

  depends_on = [aws_lambda_permission.bucket, aws_sqs_queue_policy.this]
}
