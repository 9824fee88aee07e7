"""Connections of creators to the platforms they earn on."""
