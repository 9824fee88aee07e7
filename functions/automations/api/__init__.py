"""The routes of automations."""
