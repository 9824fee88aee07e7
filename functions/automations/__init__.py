"""Automations: rules that act on fans when something happens, each fan once for each turn."""
