-- How often, and since when, the provider has refused a grant's credentials without saying why. Stored in the database, so
-- that it survives restarts and all nodes count together. The next proof that the grant works resets both.
alter table grants add column refusals integer not null default 0;
alter table grants add column refused_since timestamptz;

-- When, and with which code, the provider has rejected the OAuth app itself: its client id, secret or redirect URI. Null
-- again when it accepts the app, or when the app is registered again.
alter table oauth_apps add column rejected_at timestamptz;
alter table oauth_apps add column rejected_code text;
