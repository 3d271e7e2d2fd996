-- Webhooks: signed HTTP requests that report changes to applications. The transaction that makes a change queues its
-- deliveries, whichever program runs it, so that none is lost and none reports what was rolled back. That includes nodes of
-- earlier releases. Without an endpoint nothing is queued.

-- secret is sealed for version, previous_secret for version - 1. events is null for all types. A disabled endpoint receives
-- nothing. paused_until: the receiver asked for a pause (Retry-After).
create table webhook_endpoints (
  id uuid primary key,
  environment_id uuid not null references environments (id) on delete cascade,
  url text not null,
  events text[],
  secret text not null,
  version integer not null default 1,
  previous_secret text,
  previous_secret_expires_at timestamptz,
  disabled_at timestamptz,
  disabled_reason text,
  paused_until timestamptz,
  created_at timestamptz not null default clock_timestamp()
);
create index webhook_endpoints_environment on webhook_endpoints (environment_id, created_at);
create trigger refuse_retired_keys before insert or update of secret, previous_secret on webhook_endpoints
  for each row execute function refuse_retired_keys('secret', 'previous_secret');

-- The outbox, and afterwards the log. Deliveries of one endpoint about one subject (an account or an OAuth app) are sent in
-- the order of their sequence. An attempt is under way while lease is set and next_attempt_at, its end, has not passed.
-- environment_id has no foreign key: an environment's deletion may queue deliveries for endpoints that it deletes next.
create table webhook_deliveries (
  id uuid primary key default gen_random_uuid(),
  sequence bigint generated always as identity,
  environment_id uuid not null,
  endpoint_id uuid not null references webhook_endpoints (id) on delete cascade,
  event_id uuid not null,
  event_type text not null,
  subject uuid not null,
  facts jsonb not null,
  occurred_at timestamptz not null,
  status text not null default 'PENDING' check (status in ('PENDING', 'DELIVERED', 'FAILED')),
  attempts integer not null default 0,
  lease uuid,
  next_attempt_at timestamptz not null default clock_timestamp(),
  give_up_at timestamptz not null default clock_timestamp() + interval '3 days',
  last_attempt_at timestamptz,
  last_status_code integer,
  last_error text,
  finished_at timestamptz
);
create index webhook_deliveries_due on webhook_deliveries (next_attempt_at) where status = 'PENDING';
create index webhook_deliveries_queue on webhook_deliveries (endpoint_id, subject, sequence) where status = 'PENDING';
create index webhook_deliveries_finished on webhook_deliveries (finished_at) where status <> 'PENDING';
create index webhook_deliveries_environment on webhook_deliveries (environment_id, status, sequence desc);
create index webhook_deliveries_endpoint on webhook_deliveries (endpoint_id, status, sequence desc);

create function notify_webhook_delivery() returns trigger language plpgsql as $$
begin
  perform pg_notify('valetkey_webhook_deliveries', '');
  return null;
end
$$;
create trigger new_delivery after insert on webhook_deliveries for each statement execute function notify_webhook_delivery();

-- Queues one event for every enabled endpoint of an environment that accepts its type. All deliveries of an event have its
-- event_id. Facts are identifiers, statuses and times; the server makes the payload of them.
create function queue_webhook_event(
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
    and (endpoint.events is null or of_type = any (endpoint.events))
    and exists (select from environments where id = for_environment)
  order by endpoint.id;
end
$$;

create function has_webhook_endpoint(for_environment uuid) returns boolean language sql stable as $$
  select exists (select from webhook_endpoints where environment_id = for_environment and disabled_at is null)
$$;

create function queue_webhooks_of_transition() returns trigger language plpgsql as $$
declare
  facts jsonb;
begin
  if not has_webhook_endpoint(new.environment_id) then
    return null;
  end if;
  select jsonb_build_object(
    'connectedAccountId', account.id, 'connectionName', app.connection_name, 'identifier', account.identifier,
    'status', new.to_status, 'previousStatus', new.from_status, 'reason', new.reason
  ) into facts
  from connected_accounts account join oauth_apps app on app.id = account.oauth_app_id
  where account.id = new.account_id and account.environment_id = new.environment_id;
  perform queue_webhook_event(
    new.environment_id, 'connected_account.status_changed', new.account_id, new.at, facts);
  if new.to_status in ('EXPIRED', 'REVOKED') then
    perform queue_webhook_event(
      new.environment_id, 'connected_account.needs_reauthorization', new.account_id, new.at, facts - 'previousStatus');
  end if;
  return null;
end
$$;
create trigger queue_webhooks after insert on status_transitions
  for each row execute function queue_webhooks_of_transition();

create function queue_webhooks_of_deletion() returns trigger language plpgsql as $$
begin
  if has_webhook_endpoint(old.environment_id) then
    perform queue_webhook_event(
      old.environment_id, 'connected_account.deleted', old.id, clock_timestamp(), jsonb_build_object(
        'connectedAccountId', old.id, 'identifier', old.identifier,
        'connectionName', (select connection_name from oauth_apps where id = old.oauth_app_id)
      ));
  end if;
  return null;
end
$$;
create trigger queue_webhooks after delete on connected_accounts
  for each row execute function queue_webhooks_of_deletion();

create function queue_webhooks_of_execution() returns trigger language plpgsql as $$
declare
  facts jsonb;
begin
  if not has_webhook_endpoint(new.environment_id) then
    return null;
  end if;
  select jsonb_build_object(
    'toolExecutionId', new.id, 'toolName', new.tool_name, 'startedAt', new.started_at,
    'connectedAccountId', account.id, 'connectionName', app.connection_name, 'identifier', account.identifier
  ) into facts
  from connected_accounts account join oauth_apps app on app.id = account.oauth_app_id
  where account.id = new.account_id and account.environment_id = new.environment_id;
  perform queue_webhook_event(
    new.environment_id, 'tool_execution.outcome_unknown', new.account_id, coalesce(new.finished_at, clock_timestamp()),
    facts);
  return null;
end
$$;
-- The conditions are checked without calling the function: other tool calls cost nothing.
create trigger queue_webhooks after update of status on tool_executions
  for each row when (new.status = 'OUTCOME_UNKNOWN' and old.status <> 'OUTCOME_UNKNOWN')
  execute function queue_webhooks_of_execution();

create function queue_webhooks_of_rejection() returns trigger language plpgsql as $$
begin
  if has_webhook_endpoint(new.environment_id) then
    perform queue_webhook_event(
      new.environment_id, 'oauth_app.misconfigured', new.id, new.rejected_at, jsonb_build_object(
        'oauthAppId', new.id, 'connectionName', new.connection_name, 'code', new.rejected_code
      ));
  end if;
  return null;
end
$$;
create trigger queue_webhooks after update of rejected_at on oauth_apps
  for each row when (old.rejected_at is null and new.rejected_at is not null)
  execute function queue_webhooks_of_rejection();
