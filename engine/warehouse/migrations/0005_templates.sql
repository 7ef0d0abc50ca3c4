-- What changed at the provider between two syncs, templates made here, messages sent as a test, rules of preflight.

CREATE TABLE template_changes (
    channel_id VARCHAR NOT NULL, name VARCHAR NOT NULL, language VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,         -- new, edited, status, category, quality, gone, back
    old_value VARCHAR, new_value VARCHAR, detail VARCHAR,
    cause VARCHAR NOT NULL,        -- sync, webhook
    noticed_at TIMESTAMP NOT NULL
);
ALTER TABLE bindings ADD COLUMN slots VARCHAR;           -- JSON: the slots the template had when they were saved

CREATE TABLE template_drafts (
    draft_id VARCHAR NOT NULL, channel_id VARCHAR NOT NULL, name VARCHAR NOT NULL, language VARCHAR NOT NULL,
    category VARCHAR NOT NULL, definition VARCHAR NOT NULL,  -- JSON: the draft as it was typed
    edits_template_id VARCHAR,     -- the template at the provider that it changes; NULL: a new one
    template_id VARCHAR,           -- what the provider calls it since it was submitted
    problem VARCHAR,               -- what the provider said against it
    created_by VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL, updated_by VARCHAR NOT NULL, updated_at TIMESTAMP NOT NULL,
    submitted_at TIMESTAMP, submitted_by VARCHAR, archived_at TIMESTAMP
);

ALTER TABLE channels ADD COLUMN app_id VARCHAR;          -- example files of new templates are uploaded to it

-- One's own numbers, and what was sent to them as a test: never part of an operation, never in a report.
CREATE TABLE test_numbers (
    number_id VARCHAR NOT NULL, name VARCHAR NOT NULL, phone VARCHAR NOT NULL,
    created_by VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL, archived_at TIMESTAMP
);
CREATE TABLE test_sends (
    test_id VARCHAR NOT NULL, channel_id VARCHAR NOT NULL, template_name VARCHAR NOT NULL, template_language VARCHAR NOT NULL,
    number_id VARCHAR NOT NULL, contact_id BIGINT,           -- whose values it was filled with
    outcome VARCHAR NOT NULL, code INTEGER NOT NULL, message_id VARCHAR,
    sent_by VARCHAR NOT NULL, sent_at TIMESTAMP NOT NULL
);

-- Choices of the whole store, such as whether consent is asked for: JSON by key.
CREATE TABLE policies (key VARCHAR NOT NULL, value VARCHAR NOT NULL, changed_by VARCHAR NOT NULL, changed_at TIMESTAMP NOT NULL);

ALTER TABLE media ADD COLUMN kind VARCHAR;               -- image, video, document; NULL: image
ALTER TABLE media ADD COLUMN width INTEGER;
ALTER TABLE media ADD COLUMN height INTEGER;
UPDATE media SET kind = 'image';
