"""Fans: the CRM's list, its tags and lists, suppressions, imports and exports, transactions."""
