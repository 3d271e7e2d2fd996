-- Whether agents may read from the provider's API by path, for what has no tool. Off unless an operator switches it on. Nodes
-- of earlier releases do not know the column and have no such tool.

alter table oauth_apps add column raw_requests boolean not null default false;

-- Nodes hold the setting with an account, so they must learn of its change.
drop trigger changed_row on oauth_apps;
create trigger changed_row after update on oauth_apps for each row
  when ((old.connection_name, old.connector, old.client_id, old.capabilities, old.scopes, old.sandbox, old.raw_requests)
    is distinct from
    (new.connection_name, new.connector, new.client_id, new.capabilities, new.scopes, new.sandbox, new.raw_requests))
  execute function notify_changed_row();
