-- Administrative acts, written in the transactions that carry them out. Rows are only ever added: a trigger refuses changes,
-- and deletions except by the retention sweep. environment_id is null for acts on the server itself, and is not a foreign
-- key, because the record of an environment must outlive it.
create table audit_events (
  -- A UUID of version 7 (RFC 9562): its order is that of time, and it reveals no count of rows.
  id uuid primary key,
  at timestamptz not null,
  environment_id uuid,
  actor text not null,
  source_address text,
  action text not null,
  target text,
  before jsonb,
  after jsonb,
  request_id text
);

create index audit_events_environment on audit_events (environment_id, id);
create index audit_events_target on audit_events (environment_id, target, id);
create index audit_events_actor on audit_events (environment_id, actor, id);

-- Sets the time and the id, whatever the statement contains. The 12 bits after the version are the fraction of the
-- millisecond (RFC 9562 section 6.2, method 3).
create function stamp_audit_event() returns trigger language plpgsql as $$
declare
  micros bigint;
begin
  new.at := clock_timestamp();
  micros := floor(extract(epoch from new.at) * 1000000);
  new.id := (lpad(to_hex(micros / 1000), 12, '0') || '7' || lpad(to_hex(micros % 1000 * 4096 / 1000), 3, '0')
    || substr(replace(gen_random_uuid()::text, '-', ''), 17))::uuid;
  return new;
end
$$;
create trigger stamp before insert on audit_events for each row execute function stamp_audit_event();

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  -- Even the sweep deletes nothing of the last day.
  if tg_op = 'DELETE' and current_setting('valetkey.audit_sweep', true) = 'on'
    and old.at < clock_timestamp() - interval '1 day' then
    return old;
  end if;
  raise exception 'audit events must not be changed or deleted';
end
$$;
create trigger append_only before update or delete on audit_events
  for each row execute function refuse_audit_change();
create trigger append_only_table before truncate on audit_events execute function refuse_audit_change();

-- Deletes up to `max_rows` events that are older than `max_age`. Returns how many were deleted.
create function sweep_audit_events(max_age interval, max_rows integer) returns integer language plpgsql
set valetkey.audit_sweep = 'on' as $$
declare
  deleted integer;
  first_to_keep uuid := (lpad(to_hex(floor(extract(epoch from clock_timestamp() - max_age) * 1000)::bigint), 12, '0')
    || '70008000000000000000')::uuid;
begin
  delete from audit_events where id = any (array(
    select id from audit_events where id < first_to_keep order by id limit max_rows for update skip locked
  ));
  get diagnostics deleted = row_count;
  return deleted;
end
$$;

-- Who caused a transition, in the form of audit_events.actor. Null: unknown, by a release without this column.
alter table status_transitions add column actor text;
