-- Tenants, the credentials that callers hold, and the secrets that the server keeps for itself.

create table environments (
  id uuid primary key default gen_random_uuid(),
  name text not null unique,
  created_at timestamptz not null default clock_timestamp()
);

-- The secret itself is never stored: secret_hmac is HMAC-SHA-256 under a server secret, hex.
-- bootstrap marks the key that comes from the configuration; a new one there takes the old one's place.
create table api_keys (
  id uuid primary key default gen_random_uuid(),
  environment_id uuid not null references environments (id) on delete cascade,
  name text not null,
  prefix text not null,
  secret_hmac text not null unique,
  scopes text[] not null,
  bootstrap boolean not null default false,
  created_at timestamptz not null default clock_timestamp(),
  last_used_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  unique (environment_id, id)
);

create index api_keys_newest on api_keys (environment_id, created_at desc, id desc);

-- Data keys of the vault, each wrapped by a key-encryption key. Exactly one is the primary.
-- header is what every text sealed under the key has before its first dot.
create table vault_keys (
  kid text primary key,
  header text not null unique,
  state text not null check (state in ('primary', 'decrypt_only', 'retired')),
  kek_id text not null,
  wrapped_key text,
  created_at timestamptz not null default clock_timestamp(),
  promoted_at timestamptz,
  retired_at timestamptz,
  check ((state = 'retired') = (wrapped_key is null))
);

create unique index vault_keys_one_primary on vault_keys ((true)) where state = 'primary';

-- A known text under each key-encryption key, so that a wrong key is noticed at start and not at the first user.
create table vault_canaries (
  kek_id text primary key,
  sealed text not null,
  created_at timestamptz not null default clock_timestamp()
);

-- HMAC peppers and signing keys, sealed in the vault; made once, shared by all nodes.
create table server_secrets (
  purpose text primary key,
  sealed text not null,
  created_at timestamptz not null default clock_timestamp()
);
