CREATE TABLE log_groups (
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    creation_ms INTEGER NOT NULL,
    PRIMARY KEY (account_id, region, name)
) STRICT, WITHOUT ROWID;

-- AUTOINCREMENT: the id of a deleted stream never comes back.
CREATE TABLE log_streams (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    group_name TEXT NOT NULL,
    name TEXT NOT NULL,
    creation_ms INTEGER NOT NULL,
    first_event_ns INTEGER,
    last_event_ns INTEGER,
    last_ingestion_ms INTEGER,
    last_sequence INTEGER NOT NULL DEFAULT 0,
    stored_bytes INTEGER NOT NULL DEFAULT 0,
    UNIQUE (account_id, region, group_name, name)
) STRICT;

-- Clustered in reading order: a page is one range of one B-tree.
CREATE TABLE log_events (
    stream_id INTEGER NOT NULL,
    timestamp_ns INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    ingestion_ms INTEGER NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (stream_id, timestamp_ns, sequence)
) STRICT, WITHOUT ROWID;
