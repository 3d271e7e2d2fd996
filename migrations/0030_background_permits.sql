-- Work in the background may use nearly all of what a provider allows a grant while no call of any node uses it.

-- When permits were taken for a call last; null: not since the row is there.
alter table rate_budgets add column called_at timestamptz;

-- As take_rate_permits of 0015, and records that the permits are for a call, unless `when_idle` is given: then they are for
-- work in the background. That takes up to `when_idle`, and leaves `reserve_idle` of the limit, while no permits were taken
-- for a call within `idle_ms`; otherwise it takes up to `when_busy`, and leaves `reserve_busy`. `idle` is which of the two it was.
create function take_rate_permits(
  for_environment uuid, for_grant uuid, wanted integer, spare integer, max_requests integer, window_ms integer,
  slot_ms integer, brief_ms integer, long_ms integer,
  when_idle integer, when_busy integer, reserve_idle integer, reserve_busy integer, idle_ms integer
)
returns table (granted integer, wait_ms integer, valid_ms integer, idle boolean) language plpgsql as $$
declare
  budget rate_budgets%rowtype;
  moment timestamptz;
  now_ms bigint;
  slot bigint;
  place integer;
  used integer;
  allowed integer;
begin
  insert into rate_budgets (grant_id, environment_id) values (for_grant, for_environment) on conflict do nothing;
  select * into budget from rate_budgets where grant_id = for_grant and environment_id = for_environment for update;
  moment := clock_timestamp();
  now_ms := floor(extract(epoch from moment) * 1000);
  slot := (now_ms + long_ms) / slot_ms;
  -- A slot counts until one window after its end: at most one slot too long, never too short. Slots that permits cannot
  -- have been counted in yet are of a policy with another width.
  while cardinality(budget.slots) > 0
    and ((budget.slots[1] + 1) * slot_ms + window_ms <= now_ms or budget.slots[1] > slot) loop
    budget.slots := budget.slots[2:];
    budget.counts := budget.counts[2:];
  end loop;
  idle := budget.called_at is null or budget.called_at < moment - make_interval(secs => idle_ms / 1000.0);
  if when_idle is null then
    budget.called_at := moment;
  end if;
  valid_ms := 0;
  if budget.paused_until > moment then
    granted := 0;
    wait_ms := ceil(extract(epoch from budget.paused_until - moment) * 1000);
  else
    allowed := case when budget.learned_until > moment then least(max_requests, budget.learned_limit) else max_requests end;
    select coalesce(sum(taken), 0) into used from unnest(budget.counts) as taken;
    granted := wanted + spare;
    if when_idle is not null then
      granted := case when idle then least(when_idle, allowed - reserve_idle - used) else least(when_busy, allowed - reserve_busy - used) end;
      granted := greatest(0, granted);
      slot := (now_ms + brief_ms) / slot_ms;
    elsif (allowed - used - granted) * 2 < allowed then
      granted := greatest(0, least(wanted, allowed - used));
      slot := (now_ms + brief_ms) / slot_ms;
    end if;
    wait_ms := 0;
    if granted = 0 then
      wait_ms := greatest(1, (coalesce(budget.slots[1], slot) + 1) * slot_ms + window_ms - now_ms);
    else
      valid_ms := (slot + 1) * slot_ms - now_ms;
      place := array_position(budget.slots, slot);
      if place is null then
        select array_agg(one.slot order by one.slot), array_agg(one.taken order by one.slot)
        into budget.slots, budget.counts
        from unnest(budget.slots || slot, budget.counts || granted) as one (slot, taken);
      else
        budget.counts[place] := budget.counts[place] + granted;
      end if;
    end if;
  end if;
  update rate_budgets set slots = budget.slots, counts = budget.counts, called_at = budget.called_at
  where grant_id = for_grant and environment_id = for_environment;
  return next;
end
$$;

-- For nodes of earlier releases that run during the upgrade. What they take counts as taken for calls.
create or replace function take_rate_permits(
  for_environment uuid, for_grant uuid, wanted integer, spare integer, max_requests integer, window_ms integer,
  slot_ms integer, brief_ms integer, long_ms integer
)
returns table (granted integer, wait_ms integer, valid_ms integer) language sql as $$
  select granted, wait_ms, valid_ms from take_rate_permits(
    for_environment, for_grant, wanted, spare, max_requests, window_ms, slot_ms, brief_ms, long_ms,
    null, null, null, null, 0
  )
$$;
