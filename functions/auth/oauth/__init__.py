"""Logging in through Google and GitHub (OAuth 2 with PKCE)."""
