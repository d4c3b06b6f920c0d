-- AUTOINCREMENT: the id of a deleted metric never comes back.
CREATE TABLE metrics (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    dimensions TEXT NOT NULL,
    last_ms INTEGER NOT NULL,
    UNIQUE (account_id, region, namespace, name, dimensions)
) STRICT;

-- Clustered in reading order. Negative identities number the points that have none of their own.
CREATE TABLE data_points (
    metric_id INTEGER NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    identity INTEGER NOT NULL,
    unit TEXT NOT NULL,
    sample_count REAL NOT NULL,
    total REAL NOT NULL,
    minimum REAL NOT NULL,
    maximum REAL NOT NULL,
    counts TEXT,
    PRIMARY KEY (metric_id, timestamp_ms, identity)
) STRICT, WITHOUT ROWID;

-- Of SageMaker's own metrics service: points of a trial component, which have a step.
CREATE TABLE trial_points (
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    component TEXT NOT NULL,
    name TEXT NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    step INTEGER NOT NULL,
    value REAL NOT NULL,
    PRIMARY KEY (account_id, region, component, name, timestamp_ms, step)
) STRICT, WITHOUT ROWID;
