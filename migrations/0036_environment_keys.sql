-- environment_id leads every primary key, unique constraint and foreign key, so that a Postgres that distributes tables by a
-- column can distribute all of them by environment. Tables without the column are small and the same for all environments.
-- `docs/performance.md` describes how to create the indexes on large tables before an upgrade, without a lock; that is why they
-- may exist already.

-- Ids are random, so that no two environments have the same one. Statements that have only an id find it by an index of its own.
create unique index if not exists api_keys_primary on api_keys (environment_id, id);
create index if not exists api_keys_id on api_keys (id);
create unique index if not exists oauth_apps_primary on oauth_apps (environment_id, id);
create index if not exists oauth_apps_id on oauth_apps (id);
create unique index if not exists grants_primary on grants (environment_id, id);
create index if not exists grants_id on grants (id);
create unique index if not exists connected_accounts_primary on connected_accounts (environment_id, id);
create index if not exists connected_accounts_id on connected_accounts (id);
create unique index if not exists tool_executions_primary on tool_executions (environment_id, id);
create index if not exists tool_executions_id on tool_executions (id);
create unique index if not exists status_transitions_primary on status_transitions (environment_id, id);
create index if not exists status_transitions_id on status_transitions (id);
create unique index if not exists authorization_flows_primary on authorization_flows (environment_id, id);
create index if not exists authorization_flows_id on authorization_flows (id);
create unique index if not exists revocation_outbox_primary on revocation_outbox (environment_id, id);
create index if not exists revocation_outbox_id on revocation_outbox (id);
create unique index if not exists user_sessions_primary on user_sessions (environment_id, id);
create index if not exists user_sessions_id on user_sessions (id);
create unique index if not exists webhook_endpoints_primary on webhook_endpoints (environment_id, id);
create index if not exists webhook_endpoints_id on webhook_endpoints (id);
create unique index if not exists webhook_deliveries_primary on webhook_deliveries (environment_id, id);
create index if not exists webhook_deliveries_id on webhook_deliveries (id);
create unique index if not exists tool_approvals_primary on tool_approvals (environment_id, id);
create index if not exists tool_approvals_id on tool_approvals (id);
create unique index if not exists provider_webhook_tokens_primary on provider_webhook_tokens (environment_id, id);
create index if not exists provider_webhook_tokens_id on provider_webhook_tokens (id);
create unique index if not exists provider_events_primary on provider_events (environment_id, id);
create index if not exists provider_events_id on provider_events (id);
create unique index if not exists content_indexes_primary on content_indexes (environment_id, id);
create index if not exists content_indexes_id on content_indexes (id);
create index if not exists audit_events_id on audit_events (id);

-- What is unique in an environment.
create unique index if not exists api_keys_secret_of_environment on api_keys (environment_id, secret_hmac);
create unique index if not exists connected_accounts_name on connected_accounts (environment_id, oauth_app_id, identifier);
create unique index if not exists grants_owner on grants (environment_id, oauth_app_id, workspace_id, provider_user_id)
  where status = 'active';
create unique index if not exists authorization_flows_of_grant on authorization_flows (environment_id, grant_id)
  where grant_id is not null;
create unique index if not exists idempotency_keys_primary on idempotency_keys (environment_id, account_id, key);
create unique index if not exists rate_budgets_primary on rate_budgets (environment_id, grant_id);
create unique index if not exists provider_webhook_tokens_one_active on provider_webhook_tokens (environment_id, oauth_app_id)
  where state = 'active';
create unique index if not exists provider_events_event on provider_events (environment_id, oauth_app_id, event_id);
create unique index if not exists content_indexes_grant on content_indexes (environment_id, grant_id);
create unique index if not exists content_documents_primary on content_documents (environment_id, index_id, object_id);
create unique index if not exists content_documents_numbers on content_documents (environment_id, index_id, number);
create unique index if not exists content_changes_primary on content_changes (environment_id, index_id, object_id);
create unique index if not exists content_segments_primary on content_segments (environment_id, index_id, bucket, segment);

-- Secrets that lead to their environment. They are hashes of random values and are looked up in all environments.
create index if not exists api_keys_secret on api_keys (secret_hmac);
create index if not exists authorization_flows_link on authorization_flows (link_hash);
create index if not exists authorization_flows_state on authorization_flows (state_hash);
create index if not exists authorization_flows_confirmation on authorization_flows (confirmation_hash);

-- Of the constraints that follow, none is used by nodes of release 0.1 as the target of an insertion.
alter table user_sessions drop constraint user_sessions_environment_id_api_key_id_fkey;
alter table grants drop constraint grants_environment_id_oauth_app_id_fkey;
alter table connected_accounts
  drop constraint connected_accounts_environment_id_oauth_app_id_fkey,
  drop constraint connected_accounts_environment_id_grant_id_fkey;
alter table authorization_flows
  drop constraint authorization_flows_environment_id_account_id_fkey,
  drop constraint authorization_flows_environment_id_oauth_app_id_fkey,
  drop constraint authorization_flows_environment_id_grant_id_fkey,
  drop constraint authorization_flows_link_hash_key,
  drop constraint authorization_flows_state_hash_key,
  drop constraint authorization_flows_confirmation_hash_key;
alter table revocation_outbox drop constraint revocation_outbox_environment_id_oauth_app_id_fkey;
alter table idempotency_keys drop constraint idempotency_keys_environment_id_execution_id_fkey;
alter table rate_budgets drop constraint rate_budgets_environment_id_grant_id_fkey;
alter table webhook_deliveries drop constraint webhook_deliveries_endpoint_id_fkey;
alter table tool_approvals drop constraint tool_approvals_environment_id_account_id_fkey;
alter table provider_webhook_tokens drop constraint provider_webhook_tokens_environment_id_oauth_app_id_fkey;
alter table provider_events
  drop constraint provider_events_environment_id_oauth_app_id_fkey,
  drop constraint provider_events_oauth_app_id_event_id_key;
alter table content_indexes
  drop constraint content_indexes_environment_id_grant_id_fkey,
  drop constraint content_indexes_grant_id_key;
alter table event_polls drop constraint event_polls_environment_id_grant_id_fkey;
drop index grants_one_per_owner;
drop index authorization_flows_grant;
drop index provider_webhook_tokens_active;
drop index content_documents_number;
drop index content_indexes_environment;

alter table api_keys
  drop constraint api_keys_pkey,
  drop constraint api_keys_environment_id_id_key,
  add constraint api_keys_pkey primary key using index api_keys_primary;
alter table oauth_apps
  drop constraint oauth_apps_pkey,
  drop constraint oauth_apps_environment_id_id_key,
  add constraint oauth_apps_pkey primary key using index oauth_apps_primary;
alter table grants
  drop constraint grants_pkey,
  drop constraint grants_environment_id_id_key,
  add constraint grants_pkey primary key using index grants_primary;
alter table connected_accounts
  drop constraint connected_accounts_pkey,
  drop constraint connected_accounts_environment_id_id_key,
  add constraint connected_accounts_pkey primary key using index connected_accounts_primary;
alter table tool_executions
  drop constraint tool_executions_pkey,
  drop constraint tool_executions_environment_id_id_key,
  add constraint tool_executions_pkey primary key using index tool_executions_primary;
alter table status_transitions
  drop constraint status_transitions_pkey,
  add constraint status_transitions_pkey primary key using index status_transitions_primary;
alter table authorization_flows
  drop constraint authorization_flows_pkey,
  add constraint authorization_flows_pkey primary key using index authorization_flows_primary;
alter table revocation_outbox
  drop constraint revocation_outbox_pkey,
  add constraint revocation_outbox_pkey primary key using index revocation_outbox_primary;
alter table rate_budgets
  drop constraint rate_budgets_pkey,
  add constraint rate_budgets_pkey primary key using index rate_budgets_primary;
alter table user_sessions
  drop constraint user_sessions_pkey,
  add constraint user_sessions_pkey primary key using index user_sessions_primary;
alter table webhook_endpoints
  drop constraint webhook_endpoints_pkey,
  add constraint webhook_endpoints_pkey primary key using index webhook_endpoints_primary;
alter table webhook_deliveries
  drop constraint webhook_deliveries_pkey,
  add constraint webhook_deliveries_pkey primary key using index webhook_deliveries_primary;
alter table tool_approvals
  drop constraint tool_approvals_pkey,
  add constraint tool_approvals_pkey primary key using index tool_approvals_primary;
alter table provider_webhook_tokens
  drop constraint provider_webhook_tokens_pkey,
  add constraint provider_webhook_tokens_pkey primary key using index provider_webhook_tokens_primary;
alter table provider_events
  drop constraint provider_events_pkey,
  add constraint provider_events_pkey primary key using index provider_events_primary;
alter table content_indexes
  drop constraint content_indexes_pkey,
  add constraint content_indexes_pkey primary key using index content_indexes_primary;
alter table content_documents
  drop constraint content_documents_pkey,
  add constraint content_documents_pkey primary key using index content_documents_primary;
alter table content_changes
  drop constraint content_changes_pkey,
  add constraint content_changes_pkey primary key using index content_changes_primary;
alter table content_segments
  drop constraint content_segments_pkey,
  add constraint content_segments_pkey primary key using index content_segments_primary;

alter table user_sessions
  add foreign key (environment_id, api_key_id) references api_keys (environment_id, id) on delete cascade;
alter table grants
  add foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade;
alter table connected_accounts
  add foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade,
  add foreign key (environment_id, grant_id) references grants (environment_id, id);
alter table authorization_flows
  add foreign key (environment_id, account_id) references connected_accounts (environment_id, id) on delete cascade,
  add foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade,
  add foreign key (environment_id, grant_id) references grants (environment_id, id);
alter table revocation_outbox
  add foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade;
alter table idempotency_keys
  add foreign key (environment_id, execution_id) references tool_executions (environment_id, id) on delete cascade;
alter table rate_budgets
  add foreign key (environment_id, grant_id) references grants (environment_id, id) on delete cascade;
alter table webhook_deliveries
  add foreign key (environment_id, endpoint_id) references webhook_endpoints (environment_id, id) on delete cascade;
alter table tool_approvals
  add foreign key (environment_id, account_id) references connected_accounts (environment_id, id) on delete cascade;
alter table provider_webhook_tokens
  add foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade;
alter table provider_events
  add foreign key (environment_id, oauth_app_id) references oauth_apps (environment_id, id) on delete cascade;
alter table content_indexes
  add foreign key (environment_id, grant_id) references grants (environment_id, id) on delete cascade;
alter table event_polls
  add foreign key (environment_id, grant_id) references grants (environment_id, id) on delete cascade;

-- The environment of a deleted account is that of what it left. One that left nothing is done.
alter table deleted_accounts add column environment_id uuid;
update deleted_accounts set environment_id = coalesce(
  (select environment_id from tool_executions where account_id = deleted_accounts.id limit 1),
  (select environment_id from idempotency_keys where account_id = deleted_accounts.id limit 1),
  (select environment_id from status_transitions where account_id = deleted_accounts.id limit 1)
);
delete from deleted_accounts where environment_id is null;
alter table deleted_accounts drop constraint deleted_accounts_pkey, add primary key (environment_id, id);
create or replace function remember_deleted_account() returns trigger language plpgsql as $$
begin
  insert into deleted_accounts (environment_id, id) values (old.environment_id, old.id) on conflict do nothing;
  return null;
end
$$;

alter table erased_content_indexes add column environment_id uuid;
update erased_content_indexes erased set environment_id = coalesce(
  (select environment_id from content_documents where index_id = erased.id limit 1),
  (select environment_id from content_segments where index_id = erased.id limit 1)
);
delete from erased_content_indexes where environment_id is null;
alter table erased_content_indexes drop constraint erased_content_indexes_pkey, add primary key (environment_id, id);
create or replace function record_erased_index() returns trigger language plpgsql as $$
begin
  insert into erased_content_indexes (environment_id, id) values (old.environment_id, old.id) on conflict do nothing;
  return null;
end
$$;
create or replace function begin_content_index() returns trigger language plpgsql as $$
begin
  insert into content_indexes (environment_id, grant_id)
  select new.environment_id, new.id from oauth_apps app
  where app.environment_id = new.environment_id and app.id = new.oauth_app_id and app.content_search
  on conflict (environment_id, grant_id) do nothing;
  return null;
end
$$;
create or replace function change_content_search() returns trigger language plpgsql as $$
begin
  if new.content_search then
    -- Locked, so that no one ends a grant meanwhile. Those that others have locked are left to the sweeper, which begins when
    -- this is committed: to wait for them while locks of others are held could be a deadlock.
    insert into content_indexes (environment_id, grant_id)
    select environment_id, id from grants
    where environment_id = new.environment_id and oauth_app_id = new.id and status = 'active'
    for share skip locked
    on conflict (environment_id, grant_id) do nothing;
    perform pg_notify('valetkey_missing_indexes', '');
  else
    delete from content_indexes using grants
    where grants.environment_id = new.environment_id and grants.oauth_app_id = new.id
      and content_indexes.environment_id = new.environment_id and content_indexes.grant_id = grants.id;
  end if;
  return null;
end
$$;

-- Acts on the server itself have the nil UUID (RFC 9562 section 5.9): a key cannot be null.
alter table audit_events disable trigger append_only;
update audit_events set environment_id = '00000000-0000-0000-0000-000000000000' where environment_id is null;
alter table audit_events enable trigger append_only;
drop index audit_events_environment;
alter table audit_events
  drop constraint audit_events_pkey,
  add primary key (environment_id, id),
  alter column environment_id set default '00000000-0000-0000-0000-000000000000';

-- Nodes of release 0.1 insert accounts, API keys and idempotency keys with these constraints as their targets, and run during
-- the upgrade. A database without an environment has had no node.
create function drop_constraints_of_release_0_1() returns void language plpgsql as $$
begin
  alter table connected_accounts drop constraint if exists connected_accounts_oauth_app_id_identifier_key;
  alter table api_keys drop constraint if exists api_keys_secret_hmac_key;
  if to_regclass('idempotency_keys_primary') is not null then
    alter table idempotency_keys
      drop constraint idempotency_keys_pkey,
      add constraint idempotency_keys_pkey primary key using index idempotency_keys_primary;
  end if;
end
$$;
do $$
begin
  if not exists (select from environments) then
    perform drop_constraints_of_release_0_1();
  end if;
end
$$;
