"""What happened to fans, money and messages, in figures."""
