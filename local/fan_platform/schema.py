"""Tables of the fan platform: one SQLite file holds the whole truth."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS creators (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    display_name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    otp_secret TEXT,
    otp_code TEXT,
    rate_violations INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS login_sessions (
    token TEXT PRIMARY KEY,
    creator_id TEXT NOT NULL REFERENCES creators (id),
    awaits_code INTEGER NOT NULL,
    expires_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS fans (
    creator_id TEXT NOT NULL REFERENCES creators (id),
    fan_id TEXT NOT NULL,
    handle TEXT NOT NULL,
    display_name TEXT NOT NULL,
    status TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    rebill_on INTEGER NOT NULL,
    subscribed_at TEXT,
    expires_at TEXT,
    last_seen_at TEXT,
    seed INTEGER,
    PRIMARY KEY (creator_id, fan_id)
);
CREATE TABLE IF NOT EXISTS messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    creator_id TEXT NOT NULL,
    fan_id TEXT NOT NULL,
    direction TEXT NOT NULL,
    text TEXT NOT NULL,
    displayed TEXT NOT NULL,
    rewrites TEXT NOT NULL,
    price_cents INTEGER NOT NULL,
    media TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    platform_at TEXT NOT NULL,
    read_at TEXT,
    opened_at TEXT,
    paid_at TEXT,
    unsent_at TEXT,
    tip_cents INTEGER NOT NULL DEFAULT 0,
    reacted INTEGER NOT NULL DEFAULT 0,
    FOREIGN KEY (creator_id, fan_id) REFERENCES fans (creator_id, fan_id)
);
CREATE INDEX IF NOT EXISTS messages_thread ON messages (creator_id, fan_id, seq);
CREATE INDEX IF NOT EXISTS messages_rate ON messages (creator_id, direction, accepted_at);
CREATE INDEX IF NOT EXISTS messages_to_react ON messages (seq) WHERE reacted = 0;
CREATE TABLE IF NOT EXISTS media (
    creator_id TEXT NOT NULL REFERENCES creators (id),
    media_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    PRIMARY KEY (creator_id, media_id)
);
CREATE TABLE IF NOT EXISTS reactions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    due_at TEXT NOT NULL,
    creator_id TEXT NOT NULL,
    fan_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    message_id TEXT,
    amount_cents INTEGER NOT NULL DEFAULT 0,
    text TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS reactions_due ON reactions (due_at, seq);
CREATE TABLE IF NOT EXISTS transactions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    creator_id TEXT NOT NULL,
    fan_id TEXT NOT NULL,
    type TEXT NOT NULL,
    amount_cents INTEGER NOT NULL,
    fee_cents INTEGER NOT NULL,
    net_cents INTEGER NOT NULL,
    currency TEXT NOT NULL,
    created_at TEXT NOT NULL,
    message_id TEXT,
    reverses TEXT,
    description TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS transactions_listed ON transactions (creator_id, created_at, seq);
CREATE TABLE IF NOT EXISTS clock (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    advanced_seconds REAL NOT NULL,
    days_lived INTEGER NOT NULL
);
INSERT OR IGNORE INTO clock (one, advanced_seconds, days_lived) VALUES (1, 0, 0);
"""
