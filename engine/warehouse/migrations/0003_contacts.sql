-- Imports that can be undone, saved mappings, the history of consent and of edits, erasures, what segments were.

ALTER TABLE imports ADD COLUMN state VARCHAR;            -- done, undone
ALTER TABLE imports ADD COLUMN options VARCHAR;          -- JSON of ImportOptions
ALTER TABLE imports ADD COLUMN withdrawn_count BIGINT;   -- contacts whose consent it withdrew
ALTER TABLE imports ADD COLUMN undone_at TIMESTAMP;
ALTER TABLE imports ADD COLUMN undone_by VARCHAR;
ALTER TABLE imports ADD COLUMN undo_kept_count BIGINT;   -- contacts that undoing left as they were
UPDATE imports SET state = 'done';

-- Who was in a file: what became of the contact is 0 new, 1 updated, 2 unchanged.
CREATE TABLE import_contacts (import_id VARCHAR NOT NULL, contact_id BIGINT NOT NULL, what UTINYINT NOT NULL);

CREATE TABLE saved_mappings (
    mapping_id VARCHAR NOT NULL,
    name VARCHAR,                  -- NULL: remembered by itself for files with these headers
    signature VARCHAR NOT NULL,    -- of the headers
    mapping VARCHAR NOT NULL, options VARCHAR NOT NULL,    -- JSON
    by_whom VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL, used_at TIMESTAMP NOT NULL
);

CREATE TABLE consent_events (
    contact_id BIGINT NOT NULL, consent VARCHAR, source VARCHAR, channel VARCHAR,
    happened_at TIMESTAMP NOT NULL,    -- when the person said so, as far as is known
    recorded_at TIMESTAMP NOT NULL, by_whom VARCHAR NOT NULL, import_id VARCHAR,
    note VARCHAR                       -- what whoever changed it by hand wrote beside it
);
CREATE TABLE contact_edits (
    contact_id BIGINT NOT NULL, field VARCHAR NOT NULL, old_value VARCHAR, new_value VARCHAR,
    by_whom VARCHAR NOT NULL, happened_at TIMESTAMP NOT NULL,
    edit_id VARCHAR                    -- the edit of many at once that it was part of
);
-- One field set for many people at once; the old values are in contact_edits, so an erasure finds them.
CREATE TABLE edits (
    edit_id VARCHAR NOT NULL, field VARCHAR NOT NULL, how VARCHAR NOT NULL,    -- set, add, remove
    new_value VARCHAR, people_count BIGINT NOT NULL, changed_count BIGINT NOT NULL,
    by_whom VARCHAR NOT NULL, happened_at TIMESTAMP NOT NULL,
    undone_at TIMESTAMP, undone_by VARCHAR, restored_count BIGINT
);

-- Decided in a transaction of the store, not yet told to Redis; web tells it and removes the row.
CREATE TABLE pending_suppressions (
    person_key UBIGINT NOT NULL, scope VARCHAR NOT NULL, reason VARCHAR NOT NULL, by_whom VARCHAR NOT NULL,
    happened_at TIMESTAMP NOT NULL
);

CREATE TABLE erasures (
    erasure_id VARCHAR NOT NULL,
    person_key UBIGINT NOT NULL,   -- before: what a suppression that outlives the person is known by
    pseudonym UBIGINT NOT NULL,    -- what stands for them in events and frozen audiences since
    contact_id BIGINT NOT NULL, by_whom VARCHAR NOT NULL, erased_at TIMESTAMP NOT NULL, purged_at TIMESTAMP,
    reason VARCHAR,
    finished_at TIMESTAMP          -- NULL: begun; whoever comes next goes on with it
);
-- The rows of frozen audiences that stand for nobody any more: no message id is kept for them.
CREATE TABLE erased_recipients (
    operation_no INTEGER NOT NULL, recipient_no INTEGER NOT NULL, erasure_id VARCHAR NOT NULL
);

ALTER TABLE lists ADD COLUMN description VARCHAR;
ALTER TABLE segments ADD COLUMN description VARCHAR;
CREATE TABLE segment_versions (
    segment_id VARCHAR NOT NULL, version INTEGER NOT NULL, name VARCHAR NOT NULL, definition VARCHAR NOT NULL,
    by_whom VARCHAR NOT NULL, happened_at TIMESTAMP NOT NULL
);
CREATE TABLE segment_sizes (
    segment_id VARCHAR NOT NULL, count BIGINT NOT NULL, counted_at TIMESTAMP NOT NULL, cause VARCHAR NOT NULL
);
INSERT INTO segment_versions SELECT segment_id, 1, name, definition, updated_by, updated_at FROM segments;

-- What a person set for themselves: the order of facets, the columns of a table.
CREATE TABLE person_settings (person VARCHAR NOT NULL, key VARCHAR NOT NULL, value VARCHAR NOT NULL, changed_at TIMESTAMP NOT NULL);
