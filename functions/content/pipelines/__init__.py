"""Pipelines: from ideas to a calendar, step by step, with a person at the end."""
