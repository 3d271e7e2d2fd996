-- Each connector has a rate policy of its own, so the function takes the number of requests and the window as arguments.
-- The function with four arguments stays for nodes of release 0.1 that run during the upgrade. A slot's number is the time
-- since 1970 divided by the slot's width, which for Notion's policy is the number that those nodes use.

-- Takes up to `wanted` permits of a grant that may send `max_requests` requests in any `window_ms`, counted in slots of
-- `slot_ms`. One row lock, one round trip. `wait_ms` is 0 when permits were granted, otherwise the time after which
-- asking again makes sense.
create function take_rate_permits(
  for_environment uuid, for_grant uuid, wanted integer, max_requests integer, window_ms integer, slot_ms integer
)
returns table (granted integer, wait_ms integer) language plpgsql as $$
declare
  budget rate_budgets%rowtype;
  moment timestamptz;
  now_ms bigint;
  slot bigint;
  used integer;
  allowed integer;
begin
  insert into rate_budgets (grant_id, environment_id) values (for_grant, for_environment) on conflict do nothing;
  select * into budget from rate_budgets where grant_id = for_grant and environment_id = for_environment for update;
  moment := clock_timestamp();
  now_ms := floor(extract(epoch from moment) * 1000);
  slot := now_ms / slot_ms;
  -- A slot counts until one window after its end: at most one slot too long, never too short. Slots that seem to be in
  -- the future were counted under a policy with another width.
  while cardinality(budget.slots) > 0
    and ((budget.slots[1] + 1) * slot_ms + window_ms <= now_ms or budget.slots[1] > slot) loop
    budget.slots := budget.slots[2:];
    budget.counts := budget.counts[2:];
  end loop;
  if budget.paused_until > moment then
    granted := 0;
    wait_ms := ceil(extract(epoch from budget.paused_until - moment) * 1000);
  else
    allowed := case when budget.learned_until > moment then least(max_requests, budget.learned_limit) else max_requests end;
    select coalesce(sum(taken), 0) into used from unnest(budget.counts) as taken;
    granted := greatest(0, least(wanted, allowed - used));
    wait_ms := 0;
    if granted = 0 then
      wait_ms := greatest(1, (coalesce(budget.slots[1], slot) + 1) * slot_ms + window_ms - now_ms);
    elsif budget.slots[cardinality(budget.slots)] = slot then
      budget.counts[cardinality(budget.counts)] := budget.counts[cardinality(budget.counts)] + granted;
    else
      budget.slots := budget.slots || slot;
      budget.counts := budget.counts || granted;
    end if;
  end if;
  update rate_budgets set slots = budget.slots, counts = budget.counts
  where grant_id = for_grant and environment_id = for_environment;
  return next;
end
$$;
