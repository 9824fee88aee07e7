"""The passwords of the database roles, replaced while everyone works."""
