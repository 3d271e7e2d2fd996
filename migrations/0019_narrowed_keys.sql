-- What an API key is narrowed to, as JSON; null: not narrowed. A node refuses keys with fields that it does not know. The
-- scopes of a narrowed key are stored with the prefix `narrowed:`, so that nodes of release 0.1.0, which may run during the
-- upgrade and know no narrowing, find no scope that they know.
alter table api_keys add column narrowing jsonb;

drop trigger changed_row on api_keys;
create trigger changed_row after update on api_keys for each row
  when ((old.secret_hmac, old.scopes, old.expires_at, old.revoked_at, old.narrowing)
    is distinct from (new.secret_hmac, new.scopes, new.expires_at, new.revoked_at, new.narrowing))
  execute function notify_changed_row();
