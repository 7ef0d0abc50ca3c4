-- What a repeated request with the same Idempotency-Key must find again.

CREATE TABLE requests (
    idempotency_key VARCHAR NOT NULL, verb VARCHAR NOT NULL, body_hash VARCHAR NOT NULL, subject_id VARCHAR NOT NULL,
    by_whom VARCHAR NOT NULL, happened_at TIMESTAMP NOT NULL
);
