"""Who somebody is: accounts, passwords, sessions and their tokens."""
