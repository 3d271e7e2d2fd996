-- The journal of tool calls, and the keys under which writes happen once.

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
  finished_at timestamptz,
  unique (environment_id, id),
  foreign key (environment_id, account_id) references connected_accounts (environment_id, id) on delete cascade
);

create index tool_executions_newest on tool_executions (environment_id, sequence desc);
create index tool_executions_account on tool_executions (account_id, sequence desc);
create index tool_executions_running on tool_executions (started_at) where status = 'RUNNING';

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
