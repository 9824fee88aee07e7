"""The function that learns what became of mails."""
