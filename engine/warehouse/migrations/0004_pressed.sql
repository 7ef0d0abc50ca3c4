-- The button a recipient pressed first under a message of ours: its payload. NULL: none.
ALTER TABLE deliveries ADD COLUMN pressed VARCHAR;
