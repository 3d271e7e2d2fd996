-- Claims find the earliest deliveries of each endpoint, so that the backlog of one is not read for others. The condition is not
-- that of webhook_deliveries_due, which nodes use that have not been upgraded yet: Postgres would choose between both.
-- `docs/performance.md` describes how to create the index before an upgrade, without a lock; that is why it may exist already.
create index if not exists webhook_deliveries_next on webhook_deliveries (endpoint_id, next_attempt_at)
  where status not in ('DELIVERED', 'FAILED');

-- Sweepers give up what is past its time. With the condition of the other indexes, Postgres expects few rows before it has
-- analyzed the table, and sorts all of them for each batch.
create index if not exists webhook_deliveries_expiry on webhook_deliveries (give_up_at)
  where status not in ('DELIVERED', 'FAILED');
