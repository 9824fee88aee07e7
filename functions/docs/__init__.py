"""What the API is: its document, a page to read it, and whether it lives."""
