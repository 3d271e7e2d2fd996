-- The encrypted index of the content that a grant can read, for OAuth apps that switch it on. Documents and terms are
-- encrypted with a key for each grant, which the vault seals; without it, they are random to anyone.

-- Off unless an operator switches it on. Nodes of earlier releases do not know the column and keep no index.
alter table oauth_apps add column content_search boolean not null default false;

-- Nodes hold the setting with an account, so they must learn of its change.
drop trigger changed_row on oauth_apps;
create trigger changed_row after update on oauth_apps for each row
  when ((old.connection_name, old.connector, old.client_id, old.capabilities, old.scopes, old.sandbox, old.raw_requests,
      old.content_search)
    is distinct from
    (new.connection_name, new.connector, new.client_id, new.capabilities, new.scopes, new.sandbox, new.raw_requests,
      new.content_search))
  execute function notify_changed_row();

-- One index for each active grant. sealed_key is null until the first node works on it. It is deleted in the transaction
-- that erases the tokens of its grant, and with it the only key of its documents, which are then deleted in batches.
-- A pass lists the pages of the grant, last edited first: all of them ('full'), or those edited since the pass before
-- ('recent'). Its cursor is the provider's. pages counts the full pass that was completed last, listed the one in progress.
-- Pages that were edited at floor_edited_at or earlier are left out, because the index is as large as it may be.
create table content_indexes (
  id uuid primary key default gen_random_uuid(),
  environment_id uuid not null,
  grant_id uuid not null unique,
  sealed_key text,
  pass text check (pass in ('full', 'recent')),
  pass_cursor text,
  pass_started_at timestamptz,
  listed integer not null default 0,
  pages integer not null default 0,
  documents integer not null default 0,
  bytes bigint not null default 0,
  floor_edited_at timestamptz,
  listed_through timestamptz,
  last_completed_at timestamptz,
  next_full_at timestamptz not null default clock_timestamp(),
  next_at timestamptz not null default clock_timestamp(),
  paused_until timestamptz,
  failures integer not null default 0,
  lease_owner text,
  lease_until timestamptz,
  fence bigint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  foreign key (environment_id, grant_id) references grants (environment_id, id) on delete cascade
);
create index content_indexes_due on content_indexes (next_at);
create index content_indexes_environment on content_indexes (environment_id);
create trigger refuse_retired_keys before insert or update of sealed_key on content_indexes
  for each row execute function refuse_retired_keys('sealed_key');

-- Documents belong to one index by its id, so that an index that is created again never has those of the old one. There is
-- no foreign key: the transaction that ends a grant does not wait for the deletion of its documents.
-- terms are truncated HMACs of words under the key of the index. edited_at is the provider's time, proven_at when the
-- provider last returned the page for this grant, read_at when its content was read.
create table content_documents (
  index_id uuid not null,
  object_id text not null,
  environment_id uuid not null,
  grant_id uuid not null,
  edited_at timestamptz not null,
  terms bigint[] not null,
  sealed bytea not null,
  bytes integer not null,
  read_at timestamptz not null,
  proven_at timestamptz not null,
  primary key (index_id, object_id)
);
create index content_documents_terms on content_documents using gin (terms);
create index content_documents_edited on content_documents (index_id, edited_at desc, object_id desc) include (bytes);

-- Indexes whose documents are to be deleted.
create table erased_content_indexes (
  id uuid primary key
);
create function record_erased_index() returns trigger language plpgsql as $$
begin
  insert into erased_content_indexes (id) values (old.id) on conflict do nothing;
  return null;
end
$$;
create trigger erased_index after delete on content_indexes for each row execute function record_erased_index();

-- Objects that the provider reports as changed, to be read again. An empty object_id: all are to be listed again.
-- revision increases with each report, so that one that arrives while the object is read is not lost.
create table content_changes (
  index_id uuid not null,
  object_id text not null,
  environment_id uuid not null,
  revision integer not null default 1,
  noted_at timestamptz not null default clock_timestamp(),
  primary key (index_id, object_id)
);

create function notify_content_change() returns trigger language plpgsql as $$
begin
  perform pg_notify('valetkey_content_changes', '');
  return null;
end
$$;
create trigger content_change after insert or update on content_changes
  for each statement execute function notify_content_change();
create trigger content_index after insert on content_indexes
  for each row execute function notify_content_change();

-- Whichever program ends a grant.
create function erase_content_index() returns trigger language plpgsql as $$
begin
  delete from content_indexes where environment_id = new.environment_id and grant_id = new.id;
  return null;
end
$$;
create trigger erased_tokens after update of status, access_token on grants for each row
  when (new.status <> 'active' or new.access_token is null)
  execute function erase_content_index();

create function begin_content_index() returns trigger language plpgsql as $$
begin
  insert into content_indexes (environment_id, grant_id)
  select new.environment_id, new.id from oauth_apps app
  where app.environment_id = new.environment_id and app.id = new.oauth_app_id and app.content_search
  on conflict (grant_id) do nothing;
  return null;
end
$$;
create trigger became_active after update of status on grants for each row
  when (new.status = 'active' and old.status <> 'active')
  execute function begin_content_index();

create function change_content_search() returns trigger language plpgsql as $$
begin
  if new.content_search then
    -- Locked, so that no one ends a grant meanwhile. Those that others have locked are left to the sweeper, which begins when
    -- this is committed: to wait for them while locks of others are held could be a deadlock.
    insert into content_indexes (environment_id, grant_id)
    select environment_id, id from grants
    where environment_id = new.environment_id and oauth_app_id = new.id and status = 'active'
    for share skip locked
    on conflict (grant_id) do nothing;
    perform pg_notify('valetkey_missing_indexes', '');
  else
    delete from content_indexes using grants
    where grants.environment_id = new.environment_id and grants.oauth_app_id = new.id
      and content_indexes.environment_id = new.environment_id and content_indexes.grant_id = grants.id;
  end if;
  return null;
end
$$;
create trigger changed_content_search after update of content_search on oauth_apps for each row
  when (old.content_search is distinct from new.content_search)
  execute function change_content_search();
