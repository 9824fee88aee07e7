"""The work at files, called by the queue and each minute."""
