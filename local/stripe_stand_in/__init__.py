"""A small Stripe for one machine: the calls that Huntaze makes, hosted pages, signed events.

The shapes are those of the installed ``stripe`` package's API version; a test compares them. No
money moves and nothing leaves the machine.
"""
