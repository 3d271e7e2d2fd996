-- Webhooks of providers: the tokens that their requests are signed with, and the inbox of their events.

-- Providers send a token before the first event; the operator enters it in the provider's settings. The first event that
-- verifies with a pending token makes it the active one. A pending token counts once an operator has read it, because
-- anyone can send one. A token is sealed for its state, so that no other program can make one active.
-- integration_id is a copy of what the sealed token has, to select it by.
create table provider_webhook_tokens (
  id uuid primary key,
  environment_id uuid not null,
  oauth_app_id uuid not null,
  state text not null default 'pending' check (state in ('pending', 'active')),
  sealed_token text not null,
  integration_id text,
  received_at timestamptz not null default clock_timestamp(),
  shown_at timestamptz,
  activated_at timestamptz,
  foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade
);
create unique index provider_webhook_tokens_active on provider_webhook_tokens (oauth_app_id) where state = 'active';
create index provider_webhook_tokens_app on provider_webhook_tokens (oauth_app_id, received_at);
create trigger refuse_retired_keys before insert or update of sealed_token on provider_webhook_tokens
  for each row execute function refuse_retired_keys('sealed_token');

-- Another client at the provider has other webhooks.
create function forget_webhook_tokens() returns trigger language plpgsql as $$
begin
  delete from provider_webhook_tokens where environment_id = new.environment_id and oauth_app_id = new.id;
  return null;
end
$$;
create trigger replaced_client after update of client_id, connector, sandbox on oauth_apps for each row
  when ((old.client_id, old.connector, old.sandbox) is distinct from (new.client_id, new.connector, new.sandbox))
  execute function forget_webhook_tokens();

-- The inbox. A row is stored for a week, so that repetitions of its event are known. The payload, which has names, is sealed
-- for its row and erased when it was processed. facts are identifiers, types and times. account_ids are the accounts that
-- were active, and could see the object, when it was processed.
create table provider_events (
  id uuid primary key,
  sequence bigint generated always as identity,
  environment_id uuid not null,
  oauth_app_id uuid not null,
  event_id text not null,
  event_type text not null,
  occurred_at timestamptz not null,
  sealed_payload text,
  state text not null default 'PENDING' check (state in ('PENDING', 'ROUTED', 'UNMATCHED', 'FAILED')),
  facts jsonb,
  account_ids uuid[] not null default '{}',
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  received_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  unique (oauth_app_id, event_id),
  foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade,
  check ((state = 'PENDING') = (sealed_payload is not null))
);
create index provider_events_due on provider_events (next_attempt_at, sequence) where state = 'PENDING';
create index provider_events_waiting on provider_events (oauth_app_id) where state = 'PENDING';
create index provider_events_received on provider_events (received_at);
create index provider_events_environment on provider_events (environment_id);
create trigger refuse_retired_keys before insert or update of sealed_payload on provider_events
  for each row execute function refuse_retired_keys('sealed_payload');

create function notify_provider_inbox() returns trigger language plpgsql as $$
begin
  perform pg_notify('valetkey_provider_inbox', '');
  return null;
end
$$;
create trigger new_event after insert on provider_events
  for each statement execute function notify_provider_inbox();

-- For subscriptions and caches on all nodes.
create function notify_provider_event() returns trigger language plpgsql as $$
begin
  perform pg_notify('valetkey_provider_events',
    json_build_object('id', new.id, 'environmentId', new.environment_id)::text);
  return null;
end
$$;
create trigger routed_event after update of state on provider_events
  for each row when (new.state = 'ROUTED') execute function notify_provider_event();

-- The search of the accounts that an event is for.
create index grants_bot on grants (oauth_app_id, bot_id) where status = 'active';

-- As queue_webhook_event, but only for endpoints that name the type: there are far more events of providers than of accounts,
-- and an endpoint that accepts all types was created for the latter.
create function queue_named_webhook_event(
  for_environment uuid, of_type text, about uuid, at_time timestamptz, with_facts jsonb
) returns void language plpgsql as $$
declare
  new_event_id uuid := gen_random_uuid();
begin
  insert into webhook_deliveries (environment_id, endpoint_id, event_id, event_type, subject, occurred_at, facts)
  select for_environment, endpoint.id, new_event_id, of_type, about, at_time, with_facts
  from webhook_endpoints endpoint
  where endpoint.environment_id = for_environment
    and endpoint.disabled_at is null
    and of_type = any (endpoint.events)
  order by endpoint.id;
end
$$;
