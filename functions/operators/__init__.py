"""Operators of the platform: who is one, and what they are told about the whole."""
