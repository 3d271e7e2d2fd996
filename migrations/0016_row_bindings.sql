-- What a row decides (who may do what, with whose tokens, and where browsers and tokens go) is authenticated with a key of
-- the vault: `binding` is an HMAC of the columns that decide. A writer of the database who does not have the master key
-- can change a row, and not its binding: it is refused then. Rows without a binding are refused as well. Those of databases
-- from before are bound once, by the first process that starts after this migration.
alter table api_keys add column binding text;
alter table oauth_apps add column binding text;
alter table connected_accounts add column binding text;
alter table authorization_flows add column binding text;
-- consent_account_id: the account that a consent was made for, so that no other one gets its grant. Null: by release 0.1.
alter table grants add column binding text, add column consent_account_id uuid;

-- What was ended, by whichever program, loses its binding: restoring the other columns does not make it valid again.
create function remove_binding() returns trigger language plpgsql as $$
begin
  new.binding := null;
  return new;
end
$$;

create trigger ended_row before update of revoked_at on api_keys
  for each row when (new.revoked_at is not null) execute function remove_binding();
create trigger ended_row before update of status on connected_accounts
  for each row when (new.status = 'DISCONNECTED') execute function remove_binding();
