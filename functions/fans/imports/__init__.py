"""Imports: reading files of fans and transactions, in a request or in runs of their own."""
