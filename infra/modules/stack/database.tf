resource "aws_iam_role" "proxy" {
  count = var.rds_proxy == null ? 0 : 1
  name  = "${var.prefix}rds-proxy"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "rds.amazonaws.com" }
      Condition = { StringEquals = { "aws:SourceAccount" = var.account } }
    }]
  })
}

resource "aws_iam_role_policy" "proxy" {
  count = var.rds_proxy == null ? 0 : 1
  name  = "secrets"
  role  = aws_iam_role.proxy[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{ Sid = "Secrets", Effect = "Allow", Action = ["secretsmanager:GetSecretValue"], Resource = var.rds_proxy.secret_arns }],
      length(var.secrets_kms_key_arns) == 0 ? [] : [
        { Sid = "Keys", Effect = "Allow", Action = ["kms:Decrypt"], Resource = var.secrets_kms_key_arns },
      ],
    )
  })
}

resource "aws_db_proxy" "this" {
  count                  = var.rds_proxy == null ? 0 : 1
  name                   = "${var.prefix}database"
  engine_family          = "POSTGRESQL"
  role_arn               = aws_iam_role.proxy[0].arn
  vpc_subnet_ids         = var.rds_proxy.subnet_ids
  vpc_security_group_ids = var.rds_proxy.security_group_ids
  require_tls            = true

  dynamic "auth" {
    for_each = var.rds_proxy.secret_arns
    content {
      auth_scheme = "SECRETS"
      secret_arn  = auth.value
      iam_auth    = try(var.database.auth, "password") == "iam" ? "REQUIRED" : "DISABLED"
    }
  }
}

resource "aws_db_proxy_default_target_group" "this" {
  count         = var.rds_proxy == null ? 0 : 1
  db_proxy_name = aws_db_proxy.this[0].name
  connection_pool_config {
    max_connections_percent   = var.rds_proxy.max_connections_pct
    connection_borrow_timeout = var.rds_proxy.borrow_timeout_seconds
    # Safe with this SDK: each transaction sets all of its state.
    session_pinning_filters = ["EXCLUDE_VARIABLE_SETS"]
  }
}

resource "aws_db_proxy_target" "this" {
  count                  = var.rds_proxy == null ? 0 : 1
  db_proxy_name          = aws_db_proxy.this[0].name
  target_group_name      = aws_db_proxy_default_target_group.this[0].name
  db_instance_identifier = var.rds_proxy.instance
  db_cluster_identifier  = var.rds_proxy.cluster
}
