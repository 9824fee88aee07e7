-- With the token that was used, this makes its one successor again for a reply that was lost; by
-- itself it makes nothing.
ALTER TABLE refresh_tokens ADD COLUMN successor_salt bytea CHECK (length(successor_salt) = 32);
