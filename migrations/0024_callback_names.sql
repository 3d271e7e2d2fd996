-- The last part of an app's redirect URI, which is known before the registration: its connection name, with the connector
-- where another connector uses that name, so that no two connectors share a redirect URI. Null: the app's id, as providers
-- know the apps that earlier releases registered.
alter table oauth_apps add column callback_name text;
create index oauth_apps_callback_name on oauth_apps (callback_name) where callback_name is not null;
