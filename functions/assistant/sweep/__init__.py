"""Behind the calls of models: leases that ran out, and cost rows on their way to their table."""
