-- A reply may be asked for anew long after its message came, and waits from then on; a draft after
-- which only a message to many came, and which nothing takes the place of, is for the fan still.

-- NULL: never; the wait begins with the message.
ALTER TABLE reply_tasks ADD COLUMN asked_anew_at timestamptz;
GRANT UPDATE (asked_anew_at) ON reply_tasks TO app;
GRANT UPDATE (based_on, based_on_platform_id) ON reply_drafts TO app;
