"""The routes of the chatbot."""
