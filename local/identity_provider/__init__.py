"""Stands in for Google and GitHub: people to choose from, consent, codes, tokens, and faults."""
