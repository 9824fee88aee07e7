"""Segments: rules that say which fans are meant, always answered anew."""
