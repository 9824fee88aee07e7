"""Gives and takes the role of an operator; no route leads here."""
