-- Grants that an account has left for another one, or with its deletion. When no account refers to one any more, it is deleted with
-- the name of its owner. A trigger, because nodes of earlier releases and other programs change accounts too. A row for each time,
-- not for each grant: a sweeper that finds another account on the grant removes the rows that it has read, and no later one.
create table released_grants (
  environment_id uuid not null,
  number bigint generated always as identity,
  grant_id uuid not null,
  primary key (environment_id, number)
);

create function remember_released_grant() returns trigger language plpgsql as $$
begin
  insert into released_grants (environment_id, grant_id) values (old.environment_id, old.grant_id);
  return null;
end
$$;
create trigger released_grant after update of grant_id on connected_accounts
  for each row when (old.grant_id is not null and old.grant_id is distinct from new.grant_id)
  execute function remember_released_grant();
create trigger deleted_grant after delete on connected_accounts
  for each row when (old.grant_id is not null) execute function remember_released_grant();

insert into released_grants (environment_id, grant_id)
select environment_id, id from grants
where status = 'ended' and not exists (
  select from connected_accounts account
  where account.environment_id = grants.environment_id and account.grant_id = grants.id
);
