-- What is given up is told; a conversation that turns grave is told again; campaigns that an
-- automation launches wait in a row until they are launched.

-- Since when messages were given up that no model answered, of which members are told once.
ALTER TABLE chatbot_switches ADD COLUMN gave_up_at timestamptz;
GRANT UPDATE (gave_up_at) ON chatbot_switches TO app;

-- What is handed over for a small reason may turn out to be grave.
GRANT UPDATE (message_id, topic, found_by, reasons, generation_id) ON chat_handovers TO app;
