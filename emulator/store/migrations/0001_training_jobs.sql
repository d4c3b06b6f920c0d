-- Left of the comment inside the table the API plane writes, right of it the job plane. Columns exist only for
-- what List filters and sorts by; the rest is JSON, so that a new SageMaker member needs no migration.
CREATE TABLE training_jobs (
    arn TEXT PRIMARY KEY,
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    creation_time TEXT NOT NULL,
    document TEXT NOT NULL,
    stop_requested_at TEXT,
    -- job plane:
    progress TEXT NOT NULL,
    secondary_status TEXT NOT NULL,
    final_status TEXT,
    progressed_at TEXT NOT NULL
) STRICT;

CREATE INDEX training_jobs_by_time ON training_jobs (account_id, region, creation_time, name);
CREATE INDEX training_jobs_unfinished ON training_jobs (creation_time) WHERE final_status IS NULL;

-- Stopping is derived, as in domain/training_job.py: the wish to stop is the caller's, the end is the job's.
CREATE VIEW listed_training_jobs AS
SELECT *,
    CASE
        WHEN final_status IS NOT NULL THEN final_status
        WHEN stop_requested_at IS NULL AND json_extract(progress, '$.stop_reason') IS NULL THEN 'InProgress'
        ELSE 'Stopping'
    END AS status,
    CASE
        WHEN final_status IS NULL AND stop_requested_at IS NOT NULL AND secondary_status <> 'Uploading'
            AND json_extract(progress, '$.stop_reason') IS NULL THEN 'Stopping'
        ELSE secondary_status
    END AS told_secondary_status,
    max(progressed_at, coalesce(stop_requested_at, '')) AS last_modified_time
FROM training_jobs;

CREATE TABLE tags (
    resource_arn TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (resource_arn, key)
) STRICT, WITHOUT ROWID;
