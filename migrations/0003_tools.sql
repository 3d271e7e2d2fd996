-- The journal of tool calls, the keys under which writes happen once, and the rate budgets that nodes share.

-- A write is here as RUNNING before anything is sent, so that a crash leaves a trace. A read is written down at its end.
create table tool_executions (
  id uuid primary key default gen_random_uuid(),
  sequence bigint generated always as identity,
  environment_id uuid not null,
  account_id uuid not null,
  tool_name text not null,
  status text not null check (status in ('RUNNING', 'SUCCEEDED', 'FAILED', 'OUTCOME_UNKNOWN')),
  error_type text,
  writes boolean not null,
  input_hash text not null,
  provider_request_ids text[] not null default '{}',
  started_at timestamptz not null default clock_timestamp(),
  deadline_at timestamptz not null,
  finished_at timestamptz,
  unique (environment_id, id),
  foreign key (environment_id, account_id) references connected_accounts (environment_id, id) on delete cascade
);

create index tool_executions_newest on tool_executions (environment_id, sequence desc);
create index tool_executions_account on tool_executions (account_id, sequence desc);
create index tool_executions_running on tool_executions (deadline_at) where status = 'RUNNING';
create index tool_executions_age on tool_executions (started_at);

-- sealed_result is the call's outcome as JSON, sealed in the vault: it holds what was read in the user's workspace.
create table idempotency_keys (
  environment_id uuid not null,
  account_id uuid not null,
  key text not null,
  input_hash text not null,
  execution_id uuid not null,
  state text not null check (state in ('running', 'done', 'outcome_unknown')),
  sealed_result text,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  primary key (account_id, key),
  foreign key (environment_id, account_id) references connected_accounts (environment_id, id) on delete cascade,
  foreign key (environment_id, execution_id) references tool_executions (environment_id, id) on delete cascade
);

create index idempotency_keys_expiry on idempotency_keys (expires_at);
create index idempotency_keys_execution on idempotency_keys (execution_id);

-- What each grant sent in the last minute, counted in slots of five seconds (the slot's number is the epoch over five).
-- Unlogged: what a crash forgets is at most one minute of counting.
create unlogged table rate_budgets (
  grant_id uuid primary key,
  environment_id uuid not null,
  slots bigint[] not null default '{}',
  counts integer[] not null default '{}',
  learned_limit integer,
  learned_until timestamptz,
  paused_until timestamptz,
  foreign key (environment_id, grant_id) references grants (environment_id, id) on delete cascade
);

-- Takes up to `wanted` permits of a grant that may send `per_minute` requests in any sixty seconds. One row lock, one
-- round trip. `wait_ms` is zero where something was granted, otherwise the time until asking again makes sense.
create function take_rate_permits(for_environment uuid, for_grant uuid, wanted integer, per_minute integer)
returns table (granted integer, wait_ms integer) language plpgsql as $$
declare
  budget rate_budgets%rowtype;
  moment timestamptz;
  slot bigint;
  used integer;
  allowed integer;
begin
  insert into rate_budgets (grant_id, environment_id) values (for_grant, for_environment) on conflict do nothing;
  select * into budget from rate_budgets where grant_id = for_grant and environment_id = for_environment for update;
  moment := clock_timestamp();
  slot := floor(extract(epoch from moment) / 5);
  -- A slot counts until sixty seconds after its end: at most five seconds too long, never too short.
  while cardinality(budget.slots) > 0 and budget.slots[1] < slot - 12 loop
    budget.slots := budget.slots[2:];
    budget.counts := budget.counts[2:];
  end loop;
  if budget.paused_until > moment then
    granted := 0;
    wait_ms := ceil(extract(epoch from budget.paused_until - moment) * 1000);
  else
    allowed := case when budget.learned_until > moment then least(per_minute, budget.learned_limit) else per_minute end;
    select coalesce(sum(taken), 0) into used from unnest(budget.counts) as taken;
    granted := greatest(0, least(wanted, allowed - used));
    wait_ms := 0;
    if granted = 0 then
      wait_ms := ceil((coalesce(budget.slots[1], slot) * 5 + 65 - extract(epoch from moment)) * 1000);
    elsif budget.slots[cardinality(budget.slots)] = slot then
      budget.counts[cardinality(budget.counts)] := budget.counts[cardinality(budget.counts)] + granted;
    else
      budget.slots := budget.slots || slot;
      budget.counts := budget.counts || granted;
    end if;
  end if;
  update rate_budgets set slots = budget.slots, counts = budget.counts
  where grant_id = for_grant and environment_id = for_environment;
  return next;
end
$$;
