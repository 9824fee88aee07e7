"""The function behind the queue of mails."""
