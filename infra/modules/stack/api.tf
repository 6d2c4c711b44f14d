locals {
  http = { for name, function in local.functions : name => function if contains(function.events, "http_api") && length(function.routes) > 0 }
  routes = merge([
    for name, function in local.http : {
      for route in function.routes : route.key => {
        function = name
        # Without a token only what is PUBLIC, and apps that verify tokens themselves.
        type = route.public ? "NONE" : { authorizer = "CUSTOM", gateway_jwt = "JWT", app = "NONE" }[function.identity]
      }
    }
  ]...)
  # Preflight requests carry no token. The app responds to them.
  preflights = merge([
    for name, function in local.http : {
      for path in distinct([for route in function.routes : split(" ", route.key)[1]]) : "OPTIONS ${path}" => { function = name, type = "NONE" }
    } if function.cors
  ]...)
  authorizer = one([for name, function in local.functions : name if function.type == "authorizer"])
  urls       = { for name, function in local.functions : name => function if contains(function.events, "function_url") }
}

resource "aws_apigatewayv2_api" "this" {
  count         = length(local.http) > 0 ? 1 : 0
  name          = "${var.prefix}${local.manifest.project.name}"
  protocol_type = "HTTP"

  dynamic "cors_configuration" {
    for_each = var.api.cors == null ? [] : [var.api.cors]
    content {
      allow_origins     = cors_configuration.value.origins
      allow_headers     = cors_configuration.value.headers
      allow_methods     = cors_configuration.value.methods
      expose_headers    = cors_configuration.value.expose
      max_age           = cors_configuration.value.max_age
      allow_credentials = cors_configuration.value.credentials
    }
  }
}

resource "aws_apigatewayv2_authorizer" "lambda" {
  count                             = length(local.http) > 0 && local.authorizer != null ? 1 : 0
  api_id                            = aws_apigatewayv2_api.this[0].id
  name                              = "org-common"
  authorizer_type                   = "REQUEST"
  authorizer_uri                    = module.function[local.authorizer].invoke_arn
  authorizer_payload_format_version = "2.0"
  enable_simple_responses           = true
  # The cache's key: without it, a cached result would be for every caller.
  identity_sources                 = ["$request.header.Authorization"]
  authorizer_result_ttl_in_seconds = var.api.authorizer_ttl
}

resource "aws_apigatewayv2_authorizer" "jwt" {
  count            = length(local.http) > 0 && var.jwt != null ? 1 : 0
  api_id           = aws_apigatewayv2_api.this[0].id
  name             = "jwt"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]
  jwt_configuration {
    issuer   = var.jwt.issuer
    audience = var.jwt.audience
  }
}

resource "aws_apigatewayv2_integration" "this" {
  for_each               = local.http
  api_id                 = aws_apigatewayv2_api.this[0].id
  integration_type       = "AWS_PROXY"
  integration_method     = "POST"
  integration_uri        = module.function[each.key].invoke_arn
  payload_format_version = "2.0"
  # Later than the function, whose own error says more.
  timeout_milliseconds = min(30000, each.value.timeout * 1000 + 1000)
}

resource "aws_apigatewayv2_route" "this" {
  for_each           = merge(local.routes, local.preflights)
  api_id             = aws_apigatewayv2_api.this[0].id
  route_key          = each.key
  target             = "integrations/${aws_apigatewayv2_integration.this[each.value.function].id}"
  authorization_type = each.value.type
  authorizer_id = (
    each.value.type == "CUSTOM" ? aws_apigatewayv2_authorizer.lambda[0].id :
    each.value.type == "JWT" ? aws_apigatewayv2_authorizer.jwt[0].id : null
  )
}

resource "aws_cloudwatch_log_group" "api" {
  count             = length(local.http) > 0 ? 1 : 0
  name              = "/aws/apigateway/${var.prefix}${local.manifest.project.name}"
  retention_in_days = 30
  kms_key_id        = var.log_kms_key_arn
}

resource "aws_apigatewayv2_stage" "this" {
  count       = length(local.http) > 0 ? 1 : 0
  api_id      = aws_apigatewayv2_api.this[0].id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    detailed_metrics_enabled = true
    throttling_burst_limit   = var.api.burst
    throttling_rate_limit    = var.api.rate
  }

  access_log_settings {
    destination_arn = aws_cloudwatch_log_group.api[0].arn
    format = jsonencode({
      requestId  = "$context.requestId"
      route      = "$context.routeKey"
      status     = "$context.status"
      latency    = "$context.responseLatency"
      error      = "$context.error.message"
      authorizer = "$context.authorizer.error"
      lambda     = "$context.integrationErrorMessage"
    })
  }
}

resource "aws_lambda_permission" "api" {
  for_each      = local.http
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = module.function[each.key].name
  qualifier     = module.function[each.key].alias
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this[0].execution_arn}/*/*"
}

resource "aws_lambda_permission" "authorizer" {
  count         = length(aws_apigatewayv2_authorizer.lambda)
  statement_id  = "api"
  action        = "lambda:InvokeFunction"
  function_name = module.function[local.authorizer].name
  qualifier     = module.function[local.authorizer].alias
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.this[0].execution_arn}/authorizers/${aws_apigatewayv2_authorizer.lambda[0].id}"
}

# The app verifies the tokens: the manifest has its identity as "app".
resource "aws_lambda_function_url" "this" {
  for_each           = local.urls
  function_name      = module.function[each.key].name
  qualifier          = module.function[each.key].alias
  authorization_type = "NONE"
  invoke_mode        = local.streams[each.key] ? "RESPONSE_STREAM" : "BUFFERED"
}

resource "aws_lambda_permission" "url" {
  for_each               = local.urls
  statement_id           = "url"
  action                 = "lambda:InvokeFunctionUrl"
  function_name          = module.function[each.key].name
  qualifier              = module.function[each.key].alias
  principal              = "*"
  function_url_auth_type = "NONE"
}
