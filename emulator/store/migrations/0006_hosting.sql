-- Models and endpoint configurations are written once. Of endpoints and transform jobs the API plane writes what is left of
-- the comment inside the table, the hosting plane what is right of it.
CREATE TABLE models (
    arn TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    creation_time TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX models_by_time ON models (account_id, region, creation_time, name);

CREATE TABLE endpoint_configs (
    arn TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    creation_time TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX endpoint_configs_by_time ON endpoint_configs (account_id, region, creation_time, name);

CREATE TABLE endpoints (
    arn TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    creation_time TEXT NOT NULL,
    deployment TEXT NOT NULL,
    revision INTEGER NOT NULL,
    desired TEXT NOT NULL DEFAULT '{}',
    desired_revision INTEGER NOT NULL DEFAULT 0,
    delete_requested_at TEXT,
    modified_at TEXT,
    -- hosting plane:
    progress TEXT NOT NULL,
    status TEXT NOT NULL,
    progressed_at TEXT NOT NULL
) STRICT;

-- Its status is told by domain/endpoint.py alone, because it depends on what runs of each variant.
CREATE VIEW listed_endpoints AS
SELECT *,
    max(progressed_at, coalesce(modified_at, ''), coalesce(delete_requested_at, '')) AS last_modified_time
FROM endpoints;

CREATE TABLE transform_jobs (
    arn TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    creation_time TEXT NOT NULL,
    document TEXT NOT NULL,
    model TEXT NOT NULL,
    stop_requested_at TEXT,
    -- hosting plane:
    progress TEXT NOT NULL,
    progress_status TEXT NOT NULL,
    is_final INTEGER NOT NULL DEFAULT 0,
    progressed_at TEXT NOT NULL
) STRICT;
CREATE INDEX transform_jobs_by_time ON transform_jobs (account_id, region, creation_time, name);
CREATE INDEX transform_jobs_unfinished ON transform_jobs (creation_time) WHERE is_final = 0;

-- Stopping is derived, as in domain/transform_job.py.
CREATE VIEW listed_transform_jobs AS
SELECT *,
    CASE WHEN is_final = 0 AND stop_requested_at IS NOT NULL THEN 'Stopping' ELSE progress_status END AS status,
    max(progressed_at, coalesce(stop_requested_at, '')) AS last_modified_time
FROM transform_jobs;
