-- Who sends must see whether a person has to look at a conversation first.
GRANT SELECT (workspace_id, fan_id, topic, resolved_at) ON chat_handovers TO worker;
