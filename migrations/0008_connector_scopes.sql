-- OAuth scopes (RFC 6749 section 3.3): what an OAuth app requests, and for each grant what was requested at its consent
-- and what the provider granted.

alter table oauth_apps add column scopes text[] not null default '{}';
alter table grants add column requested_scopes text[] not null default '{}';
alter table grants add column scopes text[] not null default '{}';
