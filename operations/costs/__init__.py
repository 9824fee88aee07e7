"""What a month costs, computed from the templates, a price list and assumptions on usage."""
