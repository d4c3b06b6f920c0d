-- Written before InvokeEndpointAsync is answered, by the request path; a row is there until its outcome is in S3, and never
-- longer than its endpoint. Numbers are in the order of acceptance, and none is used twice.
CREATE TABLE async_invocations (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    endpoint_arn TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    members TEXT NOT NULL,
    body BLOB NOT NULL,
    output TEXT NOT NULL,
    failure TEXT
) STRICT;
CREATE INDEX async_invocations_by_endpoint ON async_invocations (endpoint_arn);

CREATE TRIGGER async_invocations_end AFTER DELETE ON endpoints
BEGIN
    DELETE FROM async_invocations WHERE endpoint_arn = OLD.arn;
END;
