"""Tells of limits that were crossed: mails and notifications by an event, Slack, operators."""
