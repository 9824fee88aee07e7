"""How members answer fans, and what that has sold."""
