-- Polls for events, where a provider sends no webhooks: what changed is read from the provider's list of objects, with the
-- access of each grant that someone listens to.

-- The open streams of nodes, which count while their node is there (is_node_gone). An empty connection_name: any.
-- identifiers: 'any', the 'one' of identifier, or those with the 'prefix' in it.
create table event_listeners (
  environment_id uuid not null references environments (id) on delete cascade,
  node_id integer not null,
  connector text not null,
  connection_name text not null,
  identifiers text not null check (identifiers in ('any', 'one', 'prefix')),
  identifier text not null,
  primary key (environment_id, node_id, connector, connection_name, identifiers, identifier)
);
create index event_listeners_node on event_listeners (node_id);
create index event_listeners_accounts on event_listeners (environment_id, connector, identifiers, identifier);

-- One row for each grant that is polled. Times of edits are the provider's. Everything up to edited_through was reported;
-- null: the first poll has not set it. A pass goes through the list of the provider, last edited first, until there: cursor
-- and lists are where it is, pass_at is when it began. passed_at is when a pass was completed last, by this database.
-- fence begins with the time in microseconds: the holder of a row that was deleted and begun again writes nothing.
create table event_polls (
  environment_id uuid not null,
  grant_id uuid not null,
  oauth_app_id uuid not null,
  edited_through timestamptz,
  cursor text,
  lists integer not null default 0,
  pass_at timestamptz,
  passed_at timestamptz,
  next_at timestamptz not null default clock_timestamp(),
  failures integer not null default 0,
  lease_owner text,
  lease_until timestamptz,
  fence bigint not null default (extract(epoch from clock_timestamp()) * 1000000)::bigint,
  primary key (environment_id, grant_id),
  foreign key (environment_id, grant_id) references grants (environment_id, id) on delete cascade
);
create index event_polls_due on event_polls (next_at);
create index event_polls_app on event_polls (oauth_app_id);

-- Whichever program ends a grant. What a node has read for it and not stored is dropped with the row.
create function erase_event_poll() returns trigger language plpgsql as $$
begin
  delete from event_polls where environment_id = new.environment_id and grant_id = new.id;
  return null;
end
$$;
create trigger erased_tokens_of_poll after update of status, access_token on grants for each row
  when (new.status <> 'active' or new.access_token is null)
  execute function erase_event_poll();

-- From here on the provider reports the events of the OAuth app itself.
create function end_event_polls() returns trigger language plpgsql as $$
begin
  delete from event_polls where environment_id = new.environment_id and oauth_app_id = new.oauth_app_id;
  return null;
end
$$;
create trigger active_webhook after insert or update of state on provider_webhook_tokens for each row
  when (new.state = 'active')
  execute function end_event_polls();

-- New listeners, so that their grants are polled without delay.
create function notify_event_listener() returns trigger language plpgsql as $$
begin
  perform pg_notify('valetkey_event_listeners', '');
  return null;
end
$$;
create trigger new_listener after insert on event_listeners
  for each statement execute function notify_event_listener();
create trigger new_listener after insert or update of events, disabled_at on webhook_endpoints
  for each statement execute function notify_event_listener();

-- Events that a poll found are for the accounts of one grant. They have no payload, and nothing but identifiers from the
-- start. Their state has a name of its own, so that nodes of earlier releases leave them alone.
alter table provider_events add column grant_id uuid;
alter table provider_events drop constraint provider_events_state_check;
alter table provider_events add constraint provider_events_state_check
  check (state in ('PENDING', 'POLLED', 'ROUTED', 'UNMATCHED', 'FAILED'));
alter table provider_events add constraint provider_events_polled check (state <> 'POLLED' or grant_id is not null);
drop index provider_events_due;
create index provider_events_due on provider_events (next_attempt_at, sequence) where state in ('PENDING', 'POLLED');
