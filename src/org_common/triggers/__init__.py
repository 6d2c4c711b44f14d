"""Triggers: handlers of messages, object events and schedules, under access rules as routes are."""
