-- What the application stores with its accounts, filters of their lists, and what users see of an application on the pages.
-- `docs/performance.md` describes how to create indexes of existing columns on large tables before an upgrade, without a lock.

alter table connected_accounts add column metadata jsonb not null default '{}';
-- Accounts without metadata are not in the index, so that their changes of status cost nothing more.
create index connected_accounts_metadata on connected_accounts using gin (metadata jsonb_path_ops) where metadata <> '{}';
-- The default order of text may not be that of its bytes, by which prefixes are found.
create index if not exists connected_accounts_identifier on connected_accounts (environment_id, identifier text_pattern_ops);
create index if not exists grants_owner_email on grants (environment_id, lower(owner_email) text_pattern_ops) where owner_email is not null;
create index if not exists grants_workspace_name on grants (environment_id, lower(workspace_name) text_pattern_ops) where workspace_name is not null;
create index if not exists grants_workspace on grants (environment_id, workspace_id);

-- Nodes hold accounts in memory, so they must learn of a change.
drop trigger changed_row on connected_accounts;
create trigger changed_row after update on connected_accounts for each row
  when ((old.oauth_app_id, old.identifier, old.status, old.status_reason, old.grant_id, old.missing_resources, old.authorized_at,
      old.metadata)
    is distinct from
    (new.oauth_app_id, new.identifier, new.status, new.status_reason, new.grant_id, new.missing_resources, new.authorized_at,
      new.metadata))
  execute function notify_changed_row();

-- Bound with the rest of the row as soon as one of them is set: they decide whom users believe to be asked by.
alter table oauth_apps add column display_name text, add column logo_url text, add column accent_color text;
