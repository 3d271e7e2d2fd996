-- A grant that has used less than half of its limit gets permits for its next requests too, so that a node need not ask for
-- each request of an account that calls every few seconds. The functions with fewer arguments stay for nodes of earlier
-- releases that run during the upgrade.

-- Takes permits of a grant that may send `max_requests` requests in any `window_ms`, counted in slots of `slot_ms`: up to
-- `wanted`, and `spare` more when at least half of the limit is left. One row lock, one round trip. Permits may be used for
-- `valid_ms` (at least `brief_ms`, with the spare ones `long_ms`): they count in the slot in which that time ends, which is
-- never too early. `wait_ms` is 0 when permits were granted, otherwise the time after which asking again makes sense.
create function take_rate_permits(
  for_environment uuid, for_grant uuid, wanted integer, spare integer, max_requests integer, window_ms integer,
  slot_ms integer, brief_ms integer, long_ms integer
)
returns table (granted integer, wait_ms integer, valid_ms integer) language plpgsql as $$
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
  valid_ms := 0;
  if budget.paused_until > moment then
    granted := 0;
    wait_ms := ceil(extract(epoch from budget.paused_until - moment) * 1000);
  else
    allowed := case when budget.learned_until > moment then least(max_requests, budget.learned_limit) else max_requests end;
    select coalesce(sum(taken), 0) into used from unnest(budget.counts) as taken;
    granted := wanted + spare;
    if (allowed - used - granted) * 2 < allowed then
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
  update rate_budgets set slots = budget.slots, counts = budget.counts
  where grant_id = for_grant and environment_id = for_environment;
  return next;
end
$$;
