"""The routes: a ticket for a connection, and the events without one."""
