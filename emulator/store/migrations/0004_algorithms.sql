-- What only the API plane writes: algorithms; what an algorithm gave to a job (`resolved`), so that nobody looks it up
-- again; what UpdateTrainingJob changed. The job plane marks as released what nothing is left of on the Engine.
CREATE TABLE algorithms (
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    creation_time TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (account_id, region, name)
) STRICT, WITHOUT ROWID;

ALTER TABLE training_jobs ADD COLUMN resolved TEXT NOT NULL DEFAULT '{}';
ALTER TABLE training_jobs ADD COLUMN updates TEXT NOT NULL DEFAULT '{}';
ALTER TABLE training_jobs ADD COLUMN updated_at TEXT;
ALTER TABLE training_jobs ADD COLUMN released INTEGER NOT NULL DEFAULT 0;
CREATE INDEX training_jobs_unreleased ON training_jobs (arn) WHERE final_status IS NOT NULL AND released = 0;

DROP VIEW listed_training_jobs;
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
    max(progressed_at, coalesce(stop_requested_at, ''), coalesce(updated_at, '')) AS last_modified_time
FROM training_jobs;

-- Events: how many of the job's transitions there are, and how many of them were told. The feed has a row while it is on.
ALTER TABLE training_jobs ADD COLUMN transition_count INTEGER NOT NULL DEFAULT 1;
ALTER TABLE training_jobs ADD COLUMN events_told INTEGER NOT NULL DEFAULT 0;
CREATE INDEX training_jobs_untold ON training_jobs (creation_time) WHERE events_told < transition_count;
CREATE TABLE event_feed (is_on INTEGER PRIMARY KEY CHECK (is_on = 1)) STRICT;
UPDATE training_jobs SET transition_count = json_array_length(progress, '$.transitions');
