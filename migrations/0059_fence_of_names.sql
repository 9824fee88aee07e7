-- What a fan is called is told by many events, of messages too: the newest of them counts.
ALTER TABLE platform_versions DROP CONSTRAINT platform_versions_kind_check;
ALTER TABLE platform_versions
  ADD CONSTRAINT platform_versions_kind_check
  CHECK (kind IN ('message', 'subscription', 'transaction', 'fan'));
