-- What the control calls asked for, counted; the job plane keeps on its progress how many of them it has served.
ALTER TABLE training_jobs ADD COLUMN interruptions_requested INTEGER NOT NULL DEFAULT 0;
ALTER TABLE training_jobs ADD COLUMN faults_requested INTEGER NOT NULL DEFAULT 0;
