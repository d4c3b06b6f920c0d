-- The images themselves, and which tags there are, the registry knows. It does not know when they were pushed, nor does
-- it list images without a tag.
CREATE TABLE ecr_repositories (
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at TEXT NOT NULL,
    settings TEXT NOT NULL,
    policy TEXT,
    lifecycle_policy TEXT,
    PRIMARY KEY (account_id, region, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE ecr_pushes (
    account_id TEXT NOT NULL,
    region TEXT NOT NULL,
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    pushed_at TEXT NOT NULL,
    PRIMARY KEY (account_id, region, name, digest)
) STRICT, WITHOUT ROWID;
