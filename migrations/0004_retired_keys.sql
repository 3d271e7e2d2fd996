-- Nothing is stored under a retired data key: its material is gone, and what was sealed with it would be lost. A process
-- that was stopped between sealing and storing may try after any time, so that waiting cannot exclude it; this does.
-- The share lock makes retiring a key wait for those who are storing texts under it, before it looks for such texts.

create function refuse_retired_keys() returns trigger language plpgsql as $$
declare
  fields jsonb := to_jsonb(new);
  sealed_column text;
  key_state text;
begin
  foreach sealed_column in array tg_argv loop
    select state into key_state from vault_keys
      where header = split_part(fields ->> sealed_column, '.', 1) for key share;
    if key_state = 'retired' then
      raise exception '%.% was sealed under a data key that is retired', tg_table_name, sealed_column;
    end if;
  end loop;
  return new;
end $$;

create trigger refuse_retired_keys before insert or update of sealed on server_secrets
  for each row execute function refuse_retired_keys('sealed');
create trigger refuse_retired_keys before insert or update of client_secret on oauth_apps
  for each row execute function refuse_retired_keys('client_secret');
create trigger refuse_retired_keys before insert or update of access_token, refresh_token on grants
  for each row execute function refuse_retired_keys('access_token', 'refresh_token');
create trigger refuse_retired_keys before insert or update of code_verifier, pending_tokens on authorization_flows
  for each row execute function refuse_retired_keys('code_verifier', 'pending_tokens');
create trigger refuse_retired_keys before insert or update of sealed_token on revocation_outbox
  for each row execute function refuse_retired_keys('sealed_token');
create trigger refuse_retired_keys before insert or update of sealed_result on idempotency_keys
  for each row execute function refuse_retired_keys('sealed_result');
