-- How often, and since when, the provider has refused a grant's credentials without saying why. Stored in the database, so
-- that it survives restarts and all nodes count together. The next proof that the grant works resets both.
alter table grants add column refusals integer not null default 0;
alter table grants add column refused_since timestamptz;

-- When, and with which code, the provider has rejected the OAuth app itself: its client id, secret or redirect URI. Null
-- again when it accepts the app, or when the app is registered again.
alter table oauth_apps add column rejected_at timestamptz;
alter table oauth_apps add column rejected_code text;

-- The provider's user for whom a key was used: the SHA-256 of workspace and user. Null: by a node of release 0.1, which may
-- run during the upgrade; it identifies rows by (account_id, key), so a key of a second owner is stored under another name.
-- erased: the account was disconnected, so that no result may be stored for the call, which may still run.
alter table idempotency_keys add column owner text;
alter table idempotency_keys add column erased boolean not null default false;

update idempotency_keys set
  owner = encode(sha256(convert_to(grants.workspace_id || chr(10) || grants.provider_user_id, 'UTF8')), 'hex')
from connected_accounts join grants on grants.id = connected_accounts.grant_id
where connected_accounts.id = idempotency_keys.account_id
  and connected_accounts.authorized_at <= idempotency_keys.created_at;
-- Who used the others is unknown: no one gets their results, and nothing is written again under them.
update idempotency_keys set sealed_result = null, erased = true
where owner is null or account_id in (select id from connected_accounts where status = 'DISCONNECTED');
