"""The schema of the database, brought up to date at each deployment."""
