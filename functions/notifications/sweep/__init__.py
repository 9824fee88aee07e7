"""The function that finds mails which the queue has lost."""
