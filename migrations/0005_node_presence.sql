-- Which node runs a call, so that a write which its node's end cut off is known at once, and not only after its deadline.

-- A node that listens for events holds a shared advisory lock in this class under its id for as long as it lives:
-- Postgres lets go of it when the connection breaks. Null: by a node that shows no such sign.
alter table tool_executions add column node_id integer;

create function is_node_gone(node integer) returns boolean language sql stable as $$
  select node is not null and not exists (
    select from pg_locks
    where locktype = 'advisory' and granted and classid = 1986096235 and objid = node::oid and objsubid = 2
      and database = (select oid from pg_database where datname = current_database())
  )
$$;
