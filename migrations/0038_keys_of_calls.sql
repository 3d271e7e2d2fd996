-- Statements find the idempotency keys of calls by both columns. By execution_id alone Postgres expects hundreds of rows in a table
-- that has grown since it was analyzed, and reads all of it.
create index if not exists idempotency_keys_call on idempotency_keys (environment_id, execution_id);
