-- User sessions until they expire, so that each can be revoked. Sessions that nodes of release 0.1.0 create are not stored;
-- they end with their API key, or at their expiry within a day.
create table user_sessions (
  id uuid primary key,
  environment_id uuid not null,
  api_key_id uuid not null,
  identifier text not null,
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  foreign key (environment_id, api_key_id) references api_keys (environment_id, id) on delete cascade
);

create index user_sessions_identifier on user_sessions (environment_id, identifier);
create index user_sessions_expiry on user_sessions (expires_at);
create index user_sessions_key on user_sessions (api_key_id);

create trigger changed_row after update on user_sessions for each row
  when (old.revoked_at is distinct from new.revoked_at) execute function notify_changed_row();
