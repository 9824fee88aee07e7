-- Threads whose news nobody has heard are read before those whose news was pushed, or is ours.

ALTER TABLE conversations
  -- The message that the list has shown last was stored before; a gap may lie before it.
  ADD COLUMN listed_known boolean NOT NULL DEFAULT false;
DROP INDEX conversations_to_read;
CREATE INDEX conversations_to_read
  ON conversations (creator_id, (read_cursor IS NOT NULL), listed_known, listed_at DESC, id)
  WHERE read_due_at IS NOT NULL;
