import type { Redis } from '../db/redis.ts'
import {
  type BackgroundPermits,
  type BackgroundWanted,
  type GrantBudget,
  learnedForSeconds,
  minShareToLearn,
  type PermitSource,
  termsOf,
} from './rate-window.ts'

/** The variables of both scripts. Time is that of the Redis server; fields that are numbers are slots with their counts. */
const head = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local limit, window, width, long = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local slot = math.floor((now + long) / width)
local used, oldest = 0, slot
local state = { paused = 0, learned = 0, learned_until = 0, called = 0 }
local entries = redis.call('HGETALL', KEYS[1])
for at = 1, #entries, 2 do
  local name, value = entries[at], tonumber(entries[at + 1])
  local taken = tonumber(name)
  if taken == nil then
    state[name] = value
  elseif (taken + 1) * width + window <= now or taken > slot then
    redis.call('HDEL', KEYS[1], name)
  else
    used = used + value
    oldest = math.min(oldest, taken)
  end
end
local function expire()
  local last = math.max(now + long + 2 * width + window, state.paused, state.learned_until)
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', last))
end
`

/**
 * The function \`take_rate_permits\` of the migrations. Returns how many permits are granted, when to ask again, for how long
 * the permits may be used, and whether there were no calls.
 */
const take = `${head}
local wanted, spare, brief, idle_ms = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local when_idle, when_busy = tonumber(ARGV[9]), tonumber(ARGV[10])
local idle = state.called < now - idle_ms
local flag = idle and 1 or 0
if when_idle == nil then redis.call('HSET', KEYS[1], 'called', string.format('%.0f', now)) end
if state.paused > now then
  expire()
  return { 0, math.ceil(state.paused - now), 0, flag }
end
if state.learned_until > now then limit = math.min(limit, state.learned) end
local granted = wanted + spare
if when_idle ~= nil then
  local reserve = idle and tonumber(ARGV[11]) or tonumber(ARGV[12])
  granted = math.max(0, math.min(idle and when_idle or when_busy, limit - reserve - used))
  slot = math.floor((now + brief) / width)
elseif (limit - used - granted) * 2 < limit then
  granted = math.max(0, math.min(wanted, limit - used))
  slot = math.floor((now + brief) / width)
end
if granted == 0 then
  expire()
  return { 0, math.max(1, (oldest + 1) * width + window - now), 0, flag }
end
redis.call('HINCRBY', KEYS[1], string.format('%.0f', slot), granted)
expire()
return { granted, 0, (slot + 1) * width - now, flag }
`

/** The statement of \`refuse\` in \`rate-window.ts\`. */
const refuse = `${head}
local retry, share, learned_ms = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
state.paused = math.max(state.paused, now + retry)
redis.call('HSET', KEYS[1], 'paused', string.format('%.0f', state.paused))
if retry >= width and used >= limit * share then
  state.learned, state.learned_until = math.min(limit, used), now + learned_ms
  redis.call('HSET', KEYS[1], 'learned', state.learned, 'learned_until', string.format('%.0f', state.learned_until))
end
expire()
return 0
`

/**
 * Counts the requests of each grant in Redis, as `rate-window.ts` does in Postgres: one atomic script per request. While
 * Redis is lost, permits are taken from `postgres`, which knows all refusals and none of the counts: within one window
 * after a change from one to the other a grant may send up to twice its limit, until the provider refuses a request.
 */
export function createRedisRateWindow(redis: Redis, postgres: PermitSource): PermitSource {
  const keyOf = ({ environmentId, grantId }: GrantBudget) => `rate:${environmentId}:${grantId}`
  const run = (script: string, budget: GrantBudget, ...args: number[]) => {
    const { requests, perMs } = budget.policy
    const { slotMs, longMs } = termsOf(budget.policy)
    return redis.run(script, keyOf(budget), [requests, perMs, slotMs, longMs, ...args])
  }
  /** Null while Redis is lost. */
  const takeHere = async (
    budget: GrantBudget,
    wanted: number,
    background: BackgroundWanted | null,
  ): Promise<BackgroundPermits | null> => {
    if (!redis.isReachable()) return null
    const { spare, briefMs, background: other } = termsOf(budget.policy)
    const args =
      background === null
        ? [wanted, spare, briefMs, other.idleMs]
        : [
            ...[wanted, spare, other.briefMs, other.idleMs],
            ...[background.whenIdle, background.whenBusy, other.idleReserve, other.busyReserve],
          ]
    try {
      const [granted, waitMs, validMs, idle] = (await run(take, budget, ...args)) as [number, number, number, number]
      return { granted, waitMs, validMs, isIdle: idle === 1 }
    } catch {
      // Redis reports its own loss.
      return null
    }
  }
  return {
    batch: postgres.batch,
    take: async (budget, wanted) => (await takeHere(budget, wanted, null)) ?? postgres.take(budget, wanted),
    takeInBackground: async (budget, wanted) =>
      (await takeHere(budget, 0, wanted)) ?? postgres.takeInBackground(budget, wanted),
    async refuse(budget, retryAfterMs) {
      const stored = redis.isReachable()
        ? run(refuse, budget, retryAfterMs, minShareToLearn, learnedForSeconds * 1_000).catch(() => {})
        : undefined
      await postgres.refuse(budget, retryAfterMs)
      await stored
    },
  }
}
