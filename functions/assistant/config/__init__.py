"""How the assistant writes for each creator."""
