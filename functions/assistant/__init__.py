"""What models cost: rows, budgets, alerts; and which features are switched on for whom."""
