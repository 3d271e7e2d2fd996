-- Nodes of release 0.1 count in slots of five seconds. Slots are shorter now, so that such a node would take their numbers for a
-- time in the far future: they would never expire, and the time to wait would not fit its type.
create or replace function take_rate_permits(for_environment uuid, for_grant uuid, wanted integer, per_minute integer)
returns table (granted integer, wait_ms integer) language sql as $$
  select granted, wait_ms from take_rate_permits(for_environment, for_grant, wanted, 0, per_minute, 60000, 1000, 2000, 20000)
$$;
