-- A request with an Idempotency-Key leaves its transaction while something slow works for it, and
-- claims its key meanwhile: whoever comes with the same key is told to wait.

ALTER TABLE idempotency_keys
  -- Whose the key is until the reply is there; NULL once it is.
  ADD COLUMN claim uuid,
  -- By then whoever claimed it has died, and has done nothing.
  ADD COLUMN claimed_until timestamptz,
  ADD CHECK ((claim IS NULL) = (claimed_until IS NULL)),
  ADD CHECK (claim IS NULL OR reply IS NULL);

GRANT UPDATE (request_hash, reply, created_at, claim, claimed_until) ON idempotency_keys
  TO app, identity;
