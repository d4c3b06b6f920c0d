-- Written by the job plane, with the progress: it is what List filters by, and how the scheduler finds what waits.
ALTER TABLE training_jobs ADD COLUMN warm_pool_status TEXT;
CREATE INDEX training_jobs_warm ON training_jobs (creation_time) WHERE warm_pool_status = 'Available';
