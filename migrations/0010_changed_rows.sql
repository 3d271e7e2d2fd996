-- Nodes hold credentials and opened accounts in memory. The transaction that changes what they hold notifies all of them,
-- whichever program runs it, so that no commit can be missed. The payload is the row's id.
-- Columns are not compared when no decision depends on them (last uses, lifetimes that were learned), when nodes do not
-- hold them (leases), or when their change leaves the value the same (ciphertexts under another key).
create function notify_changed_row() returns trigger language plpgsql as $$
begin
  perform pg_notify('valetkey_changed_rows', old.id::text);
  return null;
end
$$;

create trigger changed_row after update on environments
  for each row when (old.name is distinct from new.name) execute function notify_changed_row();
create trigger deleted_row after delete on environments for each row execute function notify_changed_row();

create trigger changed_row after update on api_keys for each row
  when ((old.secret_hmac, old.scopes, old.expires_at, old.revoked_at)
    is distinct from (new.secret_hmac, new.scopes, new.expires_at, new.revoked_at))
  execute function notify_changed_row();
create trigger deleted_row after delete on api_keys for each row execute function notify_changed_row();

create trigger changed_row after update on oauth_apps for each row
  when ((old.connection_name, old.connector, old.client_id, old.capabilities, old.scopes, old.sandbox)
    is distinct from (new.connection_name, new.connector, new.client_id, new.capabilities, new.scopes, new.sandbox))
  execute function notify_changed_row();
create trigger deleted_row after delete on oauth_apps for each row execute function notify_changed_row();

create trigger changed_row after update on connected_accounts for each row
  when ((old.oauth_app_id, old.identifier, old.status, old.status_reason, old.grant_id, old.missing_resources, old.authorized_at)
    is distinct from
    (new.oauth_app_id, new.identifier, new.status, new.status_reason, new.grant_id, new.missing_resources, new.authorized_at))
  execute function notify_changed_row();
create trigger deleted_row after delete on connected_accounts for each row execute function notify_changed_row();

create trigger changed_row after update on grants for each row
  when ((old.status, old.version, old.issued_at, old.expires_at, old.capabilities, old.denied_capabilities,
      old.requested_scopes, old.scopes, old.workspace_id, old.workspace_name, old.workspace_icon_url,
      old.owner_name, old.owner_email)
    is distinct from
    (new.status, new.version, new.issued_at, new.expires_at, new.capabilities, new.denied_capabilities,
      new.requested_scopes, new.scopes, new.workspace_id, new.workspace_name, new.workspace_icon_url,
      new.owner_name, new.owner_email))
  execute function notify_changed_row();
create trigger deleted_row after delete on grants for each row execute function notify_changed_row();
