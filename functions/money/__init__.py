"""Money checked against its transactions every day, and put right on an operator's order."""
