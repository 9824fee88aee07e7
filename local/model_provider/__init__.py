"""What stands in for OpenAI and Azure OpenAI on one machine: their HTTP shapes, no model.

Answers are made of words, follow the JSON schema that is asked for, and are the same for the same
seed and question. The truth of every call is kept: what was asked, and what it is charged for.
"""
