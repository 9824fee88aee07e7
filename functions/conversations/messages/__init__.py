"""What is said in conversations: reading it, searching it, answering, taking back."""
