-- The record, first shape. No primary keys, unique constraints, indexes or sequences (docs/architecture.md says why):
-- ids are ours, identity is kept by MERGE under the one writer lock. Times are UTC TIMESTAMP.

CREATE TABLE store (key VARCHAR NOT NULL, value VARCHAR NOT NULL);

CREATE TABLE audit (
    happened_at TIMESTAMP NOT NULL, who VARCHAR NOT NULL, verb VARCHAR NOT NULL,
    subject_kind VARCHAR NOT NULL, subject_id VARCHAR NOT NULL, detail VARCHAR NOT NULL
);
CREATE TABLE people (name VARCHAR NOT NULL, language VARCHAR, created_at TIMESTAMP NOT NULL);

-- Contacts: a real column per field; `fields` is the registry of the columns a person sees.
CREATE TABLE contacts (
    contact_id BIGINT NOT NULL,
    phone VARCHAR,                 -- E.164 with +, as given
    match_key VARCHAR,             -- digits; one value for the variants of one number (BR, MX, AR)
    user_id VARCHAR,               -- BSUID
    person_key UBIGINT NOT NULL,   -- 8 bytes of BLAKE2b, big endian
    phone_valid BOOLEAN,           -- NULL: no phone
    bucket USMALLINT NOT NULL,     -- 0..9999, for stable random shares
    origin VARCHAR NOT NULL,       -- how the conversation began: customer, business, ad, import
    import_id VARCHAR,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    name VARCHAR, surname VARCHAR, email VARCHAR, language VARCHAR, country VARCHAR, city VARCHAR,
    assignee VARCHAR,
    consent VARCHAR,               -- opted_in, opted_out, or NULL: unknown
    consent_source VARCHAR, consent_at TIMESTAMP
);
CREATE TABLE fields (
    name VARCHAR NOT NULL, label VARCHAR NOT NULL,
    type VARCHAR NOT NULL,         -- text, number, date, bool, choice
    built_in BOOLEAN NOT NULL, position INTEGER NOT NULL, created_by VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL
);
INSERT INTO fields VALUES
    ('name', 'Name', 'text', true, 1, 'ulak', now() AT TIME ZONE 'UTC'),
    ('surname', 'Surname', 'text', true, 2, 'ulak', now() AT TIME ZONE 'UTC'),
    ('phone', 'Phone', 'text', true, 3, 'ulak', now() AT TIME ZONE 'UTC'),
    ('email', 'E-mail', 'text', true, 4, 'ulak', now() AT TIME ZONE 'UTC'),
    ('language', 'Language', 'choice', true, 5, 'ulak', now() AT TIME ZONE 'UTC'),
    ('country', 'Country', 'choice', true, 6, 'ulak', now() AT TIME ZONE 'UTC'),
    ('city', 'City', 'choice', true, 7, 'ulak', now() AT TIME ZONE 'UTC'),
    ('assignee', 'Assignee', 'choice', true, 8, 'ulak', now() AT TIME ZONE 'UTC'),
    ('origin', 'Conversation began by', 'choice', true, 9, 'ulak', now() AT TIME ZONE 'UTC'),
    ('consent', 'Consent', 'choice', true, 10, 'ulak', now() AT TIME ZONE 'UTC'),
    ('consent_source', 'Consent source', 'choice', true, 11, 'ulak', now() AT TIME ZONE 'UTC'),
    ('consent_at', 'Consent since', 'date', true, 12, 'ulak', now() AT TIME ZONE 'UTC'),
    ('created_at', 'Created', 'date', true, 13, 'ulak', now() AT TIME ZONE 'UTC'),
    ('updated_at', 'Updated', 'date', true, 14, 'ulak', now() AT TIME ZONE 'UTC');

CREATE TABLE imports (
    import_id VARCHAR NOT NULL, file_name VARCHAR NOT NULL, file_hash VARCHAR NOT NULL,
    row_count BIGINT NOT NULL, new_count BIGINT NOT NULL, updated_count BIGINT NOT NULL,
    unchanged_count BIGINT NOT NULL, duplicate_count BIGINT NOT NULL, rejected_count BIGINT NOT NULL,
    rejects_file VARCHAR, mapping VARCHAR NOT NULL, by_whom VARCHAR NOT NULL, happened_at TIMESTAMP NOT NULL
);

CREATE TABLE lists (
    list_id VARCHAR NOT NULL, name VARCHAR NOT NULL, created_by VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL,
    archived_at TIMESTAMP
);
CREATE TABLE list_members (list_id VARCHAR NOT NULL, contact_id BIGINT NOT NULL, added_at TIMESTAMP NOT NULL);
CREATE TABLE segments (
    segment_id VARCHAR NOT NULL, name VARCHAR NOT NULL, definition VARCHAR NOT NULL,
    created_by VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL,
    updated_by VARCHAR NOT NULL, updated_at TIMESTAMP NOT NULL, archived_at TIMESTAMP
);

-- The provider's side.
CREATE TABLE portfolios (
    portfolio_id VARCHAR NOT NULL, tier VARCHAR, messaging_limit BIGINT,  -- NULL: unlimited
    source VARCHAR NOT NULL, read_at TIMESTAMP NOT NULL
);
CREATE TABLE channels (
    channel_id VARCHAR NOT NULL, name VARCHAR NOT NULL, provider VARCHAR NOT NULL,  -- sandbox, cloud_api
    portfolio_id VARCHAR NOT NULL, waba_id VARCHAR NOT NULL, phone_number_id VARCHAR NOT NULL,
    display_phone VARCHAR, verified_name VARCHAR, status VARCHAR, quality_rating VARCHAR,
    rate_per_second DOUBLE NOT NULL, graph_url VARCHAR NOT NULL, graph_version VARCHAR NOT NULL,
    secrets VARCHAR NOT NULL,      -- Fernet token of JSON: access_token, app_secret, verify_token
    created_by VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL, archived_at TIMESTAMP, synced_at TIMESTAMP
);
CREATE TABLE templates (
    channel_id VARCHAR NOT NULL, name VARCHAR NOT NULL, language VARCHAR NOT NULL, template_id VARCHAR NOT NULL,
    status VARCHAR NOT NULL, category VARCHAR NOT NULL, parameter_format VARCHAR NOT NULL, components VARCHAR NOT NULL,
    quality VARCHAR, rejected_reason VARCHAR, content_hash VARCHAR NOT NULL,
    synced_at TIMESTAMP NOT NULL, gone_at TIMESTAMP
);
CREATE TABLE bindings (
    channel_id VARCHAR NOT NULL, template_name VARCHAR NOT NULL, template_language VARCHAR NOT NULL,
    bindings VARCHAR NOT NULL, content_hash VARCHAR NOT NULL, updated_by VARCHAR NOT NULL, updated_at TIMESTAMP NOT NULL
);
CREATE TABLE media (
    media_hash VARCHAR NOT NULL, file_name VARCHAR NOT NULL, mime_type VARCHAR NOT NULL, byte_count BIGINT NOT NULL,
    created_by VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL
);
CREATE TABLE media_uploads (
    media_hash VARCHAR NOT NULL, channel_id VARCHAR NOT NULL, media_id VARCHAR NOT NULL, uploaded_at TIMESTAMP NOT NULL
);

-- Operations. A draft's id is the operation's id; `operation_no` is given at launch.
CREATE TABLE operations (
    operation_id VARCHAR NOT NULL, operation_no INTEGER, name VARCHAR NOT NULL, state VARCHAR NOT NULL,
    cause VARCHAR, draft VARCHAR,
    channel_id VARCHAR, template_name VARCHAR, template_language VARCHAR, template_category VARCHAR,
    template_hash VARCHAR, template VARCHAR, bindings VARCHAR,
    audience VARCHAR, audience_hash VARCHAR, audience_sentence VARCHAR,
    audience_count BIGINT, recipient_count BIGINT, batch_size INTEGER,
    snapshot_path VARCHAR, snapshot_hash VARCHAR, epoch VARCHAR,
    created_by VARCHAR NOT NULL, created_at TIMESTAMP NOT NULL,
    launched_by VARCHAR, launched_at TIMESTAMP, completed_at TIMESTAMP, updated_at TIMESTAMP NOT NULL
);
CREATE TABLE left_out (operation_no INTEGER NOT NULL, contact_id BIGINT NOT NULL, reason VARCHAR NOT NULL);

-- What happened; written by the recorder alone, each event once, with its offset in the same transaction.
CREATE TABLE events (
    operation_no INTEGER NOT NULL, recipient_no INTEGER NOT NULL, attempt USMALLINT NOT NULL,
    state UTINYINT NOT NULL, flags UTINYINT NOT NULL, code INTEGER NOT NULL, happened_at TIMESTAMP NOT NULL
);
CREATE TABLE deliveries (
    operation_no INTEGER NOT NULL, recipient_no INTEGER NOT NULL, state UTINYINT NOT NULL, attempt USMALLINT NOT NULL,
    code INTEGER NOT NULL, pricing UTINYINT NOT NULL, message_id VARCHAR,
    accepted_at TIMESTAMP, sent_at TIMESTAMP, delivered_at TIMESTAMP, read_at TIMESTAMP, failed_at TIMESTAMP,
    answered_at TIMESTAMP, updated_at TIMESTAMP NOT NULL
);
CREATE TABLE operation_events (
    operation_no INTEGER, operation_id VARCHAR NOT NULL, happened_at TIMESTAMP NOT NULL, kind VARCHAR NOT NULL, detail VARCHAR NOT NULL
);
CREATE TABLE account_events (happened_at TIMESTAMP NOT NULL, channel_id VARCHAR, kind VARCHAR NOT NULL, detail VARCHAR NOT NULL);
CREATE TABLE suppressions (
    person_key UBIGINT NOT NULL, scope VARCHAR NOT NULL,   -- marketing, all
    reason VARCHAR NOT NULL,       -- keyword, button, user_preferences, provider_131050, manual, import
    channel_id VARCHAR, by_whom VARCHAR NOT NULL, happened_at TIMESTAMP NOT NULL, lifted_at TIMESTAMP, lifted_by VARCHAR
);
CREATE TABLE windows (person_key UBIGINT NOT NULL, channel_id VARCHAR NOT NULL, expires_at TIMESTAMP NOT NULL);
CREATE TABLE identities (person_key UBIGINT NOT NULL, match_key VARCHAR, user_id VARCHAR, wa_id VARCHAR);
CREATE TABLE contact_facts (
    person_key UBIGINT NOT NULL, last_message_at TIMESTAMP, last_answer_at TIMESTAMP, began VARCHAR
);
CREATE TABLE ingest_offset (stream_id VARCHAR NOT NULL, recorded_count BIGINT NOT NULL, happened_at TIMESTAMP NOT NULL);
INSERT INTO ingest_offset VALUES ('0-0', 0, now() AT TIME ZONE 'UTC');
CREATE TABLE rejected_events (stream_id VARCHAR NOT NULL, reason VARCHAR NOT NULL, entry BLOB, happened_at TIMESTAMP NOT NULL);
