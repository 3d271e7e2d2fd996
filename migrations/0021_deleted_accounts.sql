-- A deleted account is gone at once. Its calls, idempotency keys and history follow in batches: a foreign key would delete
-- all of them in the statement that deletes the account, with locks on each until that has ended.

-- Accounts that may have left rows. An entry is deleted when none are left.
create table deleted_accounts (
  id uuid primary key,
  deleted_at timestamptz not null default clock_timestamp()
);

-- A trigger, because nodes of earlier releases and other programs delete accounts too, also with their OAuth app.
create function remember_deleted_account() returns trigger language plpgsql as $$
begin
  insert into deleted_accounts (id) values (old.id) on conflict do nothing;
  return null;
end
$$;
create trigger remember_deleted_account after delete on connected_accounts
  for each row execute function remember_deleted_account();

-- What the foreign keys checked: the account exists, and nothing deletes it before the transaction ends. After the row, as a
-- foreign key does: a call locks its idempotency key before its account.
create function require_account() returns trigger language plpgsql as $$
begin
  perform from connected_accounts where environment_id = new.environment_id and id = new.account_id for key share;
  if not found then
    raise foreign_key_violation using message = format('%s: the account %s does not exist', tg_table_name, new.account_id);
  end if;
  return null;
end
$$;
create trigger require_account after insert or update of environment_id, account_id on tool_executions
  for each row execute function require_account();
create trigger require_account after insert or update of environment_id, account_id on idempotency_keys
  for each row execute function require_account();
create trigger require_account after insert or update of environment_id, account_id on status_transitions
  for each row execute function require_account();
alter table tool_executions drop constraint tool_executions_environment_id_account_id_fkey;
alter table idempotency_keys drop constraint idempotency_keys_environment_id_account_id_fkey;
alter table status_transitions drop constraint status_transitions_environment_id_account_id_fkey;

-- Transitions that have expired.
create index if not exists status_transitions_age on status_transitions (at);
