-- Indexes by which lists and sweepers read as many rows of a million as of a thousand. `docs/performance.md` describes how to
-- create those on large tables before an upgrade, without a lock; that is why they may exist already.

-- Lists of accounts, newest first: of an environment and of an OAuth app. Cursors carry milliseconds.
create index if not exists connected_accounts_status on connected_accounts
  (environment_id, status, date_trunc('milliseconds', created_at at time zone 'UTC') desc, id desc);
create index if not exists connected_accounts_app on connected_accounts
  (oauth_app_id, status, date_trunc('milliseconds', created_at at time zone 'UTC') desc, id desc);
drop index connected_accounts_newest;

-- Lists of tool calls: of an environment, a tool, an account and an OAuth app. The last one is null in entries of nodes of
-- release 0.1, which have an index of their own until they expire.
alter table tool_executions add column if not exists oauth_app_id uuid;
create index if not exists tool_executions_status on tool_executions (environment_id, status, sequence desc);
create index if not exists tool_executions_tool on tool_executions (environment_id, tool_name, status, sequence desc);
create index if not exists tool_executions_account_status on tool_executions (account_id, status, sequence desc);
create index if not exists tool_executions_app on tool_executions (oauth_app_id, status, sequence desc)
  where oauth_app_id is not null;
create index if not exists tool_executions_without_app on tool_executions (environment_id, status, sequence desc)
  where oauth_app_id is null;
drop index tool_executions_newest;
drop index tool_executions_account;

-- Renewals that were interrupted by the end of their node.
create index if not exists grants_sending on grants (lease_until) where phase = 'sending';

-- Authorizations that wait for their user or for the application. Most links are never opened.
create index if not exists authorization_flows_open on authorization_flows (expires_at)
  where stage in ('opened', 'exchanging', 'consented', 'awaiting_confirmation');

-- The queued revocations of an owner who consents again.
create index if not exists revocation_outbox_owner on revocation_outbox (oauth_app_id, workspace_id, provider_user_id);
