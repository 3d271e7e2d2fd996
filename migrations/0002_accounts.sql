-- OAuth apps, grants, connected accounts, authorizations under way, and the history of statuses.
-- Every reference carries the environment, so that no row can point into another tenant.

create table oauth_apps (
  id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references environments (id) on delete cascade,
  connection_name text not null,
  connector text not null,
  client_id text not null,
  client_secret text not null,
  capabilities text[] not null,
  return_urls text[] not null,
  confirmation_url text,
  sandbox boolean not null,
  version integer not null default 1,
  refresh_paused_until timestamptz,
  token_lifetime_seconds integer,
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  unique (environment_id, connection_name),
  unique (environment_id, id)
);

-- One token pair at the provider: one provider user, one workspace, one OAuth app.
-- access_token and refresh_token are sealed; version is part of what they are sealed for.
-- A renewal leaves its mark before it is sent: phase 'sending' without a living lease means that a refresh token was
-- presented and nobody knows the outcome. was_sending keeps that mark for the one who takes the lease over.
create table grants (
  id uuid primary key default gen_random_uuid(),
  environment_id uuid not null,
  oauth_app_id uuid not null,
  provider_user_id text not null,
  workspace_id text not null,
  workspace_name text,
  workspace_icon_url text,
  owner_name text,
  owner_email text,
  bot_id text,
  status text not null check (status in ('active', 'ended')),
  version integer not null default 1,
  access_token text,
  refresh_token text,
  issued_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz,
  last_verified_at timestamptz,
  capabilities text[] not null,
  denied_capabilities text[] not null default '{}',
  lease_owner text,
  lease_until timestamptz,
  fence bigint not null default 0,
  phase text not null default 'idle' check (phase in ('idle', 'sending')),
  was_sending boolean not null default false,
  fail_count integer not null default 0,
  next_refresh_at timestamptz,
  next_verify_at timestamptz,
  created_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  unique (environment_id, id),
  foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade,
  check (status = 'ended' or access_token is not null),
  check (status = 'active' or (access_token is null and refresh_token is null))
);

create unique index grants_one_per_owner on grants (oauth_app_id, workspace_id, provider_user_id) where status = 'active';
create index grants_due_refresh on grants (next_refresh_at) where status = 'active';
create index grants_due_verify on grants (next_verify_at) where status = 'active';

create table connected_accounts (
  id uuid primary key default gen_random_uuid(),
  environment_id uuid not null,
  oauth_app_id uuid not null,
  identifier text not null,
  status text not null default 'PENDING'
    check (status in ('PENDING', 'PENDING_CONFIRMATION', 'ACTIVE', 'EXPIRED', 'REVOKED', 'DISCONNECTED')),
  status_reason text not null default 'CREATED',
  grant_id uuid,
  missing_resources jsonb not null default '[]',
  created_at timestamptz not null default clock_timestamp(),
  authorized_at timestamptz,
  last_used_at timestamptz,
  unique (oauth_app_id, identifier),
  unique (environment_id, id),
  foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade,
  foreign key (environment_id, grant_id) references grants (environment_id, id),
  check (status <> 'ACTIVE' or grant_id is not null)
);

create index connected_accounts_newest on connected_accounts (environment_id, created_at desc, id desc);
create index connected_accounts_grant on connected_accounts (grant_id) where grant_id is not null;

create table status_transitions (
  id uuid primary key default gen_random_uuid(),
  sequence bigint generated always as identity,
  environment_id uuid not null,
  account_id uuid not null,
  from_status text,
  to_status text not null,
  reason text not null,
  at timestamptz not null default clock_timestamp(),
  foreign key (environment_id, account_id) references connected_accounts (environment_id, id) on delete cascade
);

create index status_transitions_newest on status_transitions (account_id, sequence desc);

-- One authorization from link to confirmation. Only hashes of what travels through browsers are kept.
-- The tokens of a flow that waits for its confirmation are sealed here, where no tool can open them.
create table authorization_flows (
  id uuid primary key default gen_random_uuid(),
  environment_id uuid not null,
  oauth_app_id uuid not null,
  account_id uuid not null,
  link_hash text not null unique,
  state_hash text unique,
  browser_hash text,
  confirmation_hash text unique,
  code_verifier text,
  stage text not null check (stage in ('created', 'opened', 'exchanging', 'awaiting_confirmation')),
  return_url text,
  application_state text,
  expected_resources jsonb not null default '[]',
  missing_resources jsonb not null default '[]',
  allow_user_change boolean not null default false,
  pending_tokens text,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  foreign key (environment_id, account_id) references connected_accounts (environment_id, id) on delete cascade,
  foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade
);

create index authorization_flows_account on authorization_flows (account_id);
create index authorization_flows_expiry on authorization_flows (expires_at);

-- Tokens that still have to be revoked at the provider: written in the transaction that erases them from their grant.
-- The owner is kept because a revocation may end everything that the provider user granted to the OAuth app: it is not
-- sent while that user has an active grant again.
create table revocation_outbox (
  id uuid primary key default gen_random_uuid(),
  environment_id uuid not null,
  oauth_app_id uuid not null,
  workspace_id text not null,
  provider_user_id text not null,
  sealed_token text not null,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default clock_timestamp(),
  give_up_at timestamptz not null,
  created_at timestamptz not null default clock_timestamp(),
  foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade
);

create index revocation_outbox_due on revocation_outbox (next_attempt_at);
