"""The chatbot: reads what fans write, proposes replies, hands over what is a person's."""
