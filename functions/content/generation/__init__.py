"""Texts for content, proposed by an agent and approved by both checks."""
