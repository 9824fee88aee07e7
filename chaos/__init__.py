"""Breaks things while messages go out, and judges by the platform's truth what came of it."""
