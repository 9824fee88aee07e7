"""The keys of access tokens: made at deploy, rotated while nobody notices."""
