"""Targets of the outbox relay: SQS, EventBridge and HTTP. Handlers do not import them."""
