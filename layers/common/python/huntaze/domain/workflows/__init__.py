"""Work that a state machine runs, step by step.

``runs`` says how a step ends in words that the machine knows, ``rows`` keeps where a run stands,
and ``executions`` starts and stops the machine. What is done is each feature's own.
"""
