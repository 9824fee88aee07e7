"""Quick replies: texts that members put into replies, filled for the fan."""
