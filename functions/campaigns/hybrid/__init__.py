"""Campaigns that models prepare and a person approves: one workflow of steps that are done once."""
