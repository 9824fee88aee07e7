"""What people are told outside a page that they have open: mails."""
