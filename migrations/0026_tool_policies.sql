-- Which tools may be called, and which calls need the approval of a person: for an environment, for an OAuth app, and for an
-- API key (in its narrowing). Nodes of earlier releases do not know policies: they end with the upgrade of the last node.

-- policy is JSON, in the exact form that the binding covers. A row is never deleted, so that a policy cannot be removed
-- without the key of the bindings: an environment without restrictions has an empty policy.
create table environment_policies (
  environment_id uuid primary key references environments (id) on delete cascade,
  policy text not null,
  binding text
);

-- Credentials that nodes hold in memory were read with the policy.
create function notify_changed_policy() returns trigger language plpgsql as $$
begin
  perform pg_notify('valetkey_changed_rows', new.environment_id::text);
  return null;
end
$$;
create trigger changed_row after insert or update on environment_policies
  for each row execute function notify_changed_policy();

create function refuse_policy_deletion() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and not exists (select from environments where id = old.environment_id) then
    return old;
  end if;
  raise exception 'the policy of an environment must not be deleted';
end
$$;
create trigger keep_row before delete on environment_policies for each row execute function refuse_policy_deletion();
create trigger keep_table before truncate on environment_policies execute function refuse_policy_deletion();

-- Null: no restrictions. The binding of the OAuth app covers it.
alter table oauth_apps add column tool_policy text;
create trigger changed_policy after update of tool_policy on oauth_apps for each row
  when (old.tool_policy is distinct from new.tool_policy) execute function notify_changed_row();

-- Calls that a person must approve. sealed_call holds the exact input, and opens only for this row, environment, account,
-- owner (the provider's user and workspace), tool, idempotency key, requester and expiry. It is erased by the decision.
-- idempotency_key is null if the requester passed none; collected_at is when such a requester got the outcome.
create table tool_approvals (
  id uuid primary key,
  environment_id uuid not null,
  account_id uuid not null,
  requester_key_id uuid not null,
  owner text not null,
  tool_name text not null,
  idempotency_key text,
  input_hash text not null,
  sealed_call text,
  state text not null default 'pending' check (state in ('pending', 'approved', 'rejected')),
  execution_id uuid,
  decided_by text,
  rejection_reason text,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  decided_at timestamptz,
  collected_at timestamptz,
  purge_at timestamptz not null,
  foreign key (environment_id, account_id) references connected_accounts (environment_id, id) on delete cascade
);
create index tool_approvals_account on tool_approvals (account_id, requester_key_id, input_hash);
create index tool_approvals_pending on tool_approvals (environment_id, created_at) where state = 'pending';
create index tool_approvals_purge on tool_approvals (purge_at);
create trigger refuse_retired_keys before insert or update of sealed_call on tool_approvals
  for each row execute function refuse_retired_keys('sealed_call');

-- For subscriptions on all nodes. The identifier is null when the account is gone.
create function notify_tool_approval() returns trigger language plpgsql as $$
declare
  changed tool_approvals;
begin
  if tg_op = 'DELETE' then changed := old; else changed := new; end if;
  perform pg_notify('valetkey_tool_approvals', json_build_object(
    'environmentId', changed.environment_id,
    'identifier', (select identifier from connected_accounts where id = changed.account_id)
  )::text);
  return null;
end
$$;
create trigger new_approval after insert on tool_approvals for each row execute function notify_tool_approval();
create trigger changed_approval after update on tool_approvals for each row
  when (old.state is distinct from new.state) execute function notify_tool_approval();
create trigger deleted_approval after delete on tool_approvals for each row
  when (old.state = 'pending') execute function notify_tool_approval();

create function queue_webhooks_of_approval() returns trigger language plpgsql as $$
begin
  if has_webhook_endpoint(new.environment_id) then
    perform queue_webhook_event(
      new.environment_id, 'tool_execution.approval_required', new.account_id, new.created_at, (
        select jsonb_build_object(
          'approvalId', new.id, 'toolName', new.tool_name, 'expiresAt', new.expires_at,
          'connectedAccountId', account.id, 'connectionName', app.connection_name, 'identifier', account.identifier
        )
        from connected_accounts account join oauth_apps app on app.id = account.oauth_app_id
        where account.id = new.account_id and account.environment_id = new.environment_id
      ));
  end if;
  return null;
end
$$;
create trigger queue_webhooks after insert on tool_approvals
  for each row execute function queue_webhooks_of_approval();
