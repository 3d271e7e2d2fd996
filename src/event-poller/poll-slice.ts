import type { Db } from '../db/database.ts'
import { databaseNow } from '../db/time.ts'
import type { Log } from '../log.ts'
import { type ClaimedPoll, type PollState, storePolled } from '../provider-events/poll-store.ts'
import type { PolledEvent } from '../provider-events/provider-event.ts'
import type { ChangeSource } from '../tools/change-source.ts'
import type { ToolCall } from '../tools/tool.ts'

/** How often grants are polled, in milliseconds. */
export interface PollIntervals {
  /** The pause between two polls of a grant. */
  readonly intervalMs: number
  /** The longest pause: of a grant in which no one edits anything. */
  readonly idleIntervalMs: number
  /** How long after the last moment that the time of an edit may mean it is reported. */
  readonly settleMs: number
}

/** A pause grows to this share of the time since the last edit. */
const idleShare = 1 / 30

/** Lists that one pass reads, of about 100 objects each: less than where Notion's lists break off. */
const maxLists = 100

/** What a slice works with. */
export interface PollContext {
  readonly db: Db
  readonly source: ChangeSource
  readonly intervals: PollIntervals
  /** The way to the provider, within the share of its limit that polls may use. */
  readonly call: ToolCall
  /** Whether the slice must end: its time is over, or the process stops. */
  readonly isOver: () => boolean
  /** Returns a number from 0 up to and without 1. */
  readonly random: () => number
  readonly log: Pick<Log, 'warn'>
}

/**
 * Polls one grant: goes through the list of its objects, last edited first, until what was reported before, stores the events of
 * each list, and ends the lease. The next slice goes on where this one ends. The first poll of a grant only sets where the
 * next one begins. Returns how many events were new.
 *
 * Lists may have edits late: everything that was edited since `listDelayMs` before the last pass is looked at again. Its events
 * are known by their IDs.
 *
 * Throws a PollLeaseLostError, and what the source throws.
 */
export async function pollSlice(context: PollContext, poll: ClaimedPoll): Promise<number> {
  const { db, source, call, intervals, isOver, log } = context
  let state = poll.state
  let found = 0
  for (;;) {
    const { objects, next, at } = await source.list(call, state.cursor)
    const listedAt = at ?? (await databaseNow(db))
    // A pass of several lists has found new edits.
    const pauseMs = pauseOf(context, listedAt, state.lists === 0 ? objects[0]?.until : listedAt)
    const { through } = state
    if (through === null) {
      await storePolled(db, poll, { ...betweenPasses, through: listedAt }, [], pauseMs)
      return found
    }
    const passAt = state.passAt ?? listedAt
    const isEnd = next === null || objects.some(({ until }) => until <= through)
    const isLast = isEnd || state.lists + 1 >= maxLists
    if (isLast && !isEnd)
      log.warn({ grant: poll.grantId }, 'more was edited than a poll reads; the oldest edits are left out')
    const events = objects
      .flatMap((object) => object.events)
      .filter(({ until }) => until > through)
      .map((event) => ({ event, inMs: dueInMs(event, listedAt, intervals) }))
    const reached = new Date(Math.max(through.getTime(), passAt.getTime() - source.listDelayMs))
    state = isLast ? { ...betweenPasses, through: reached } : { through, cursor: next, lists: state.lists + 1, passAt }
    const pause = isLast ? pauseMs : isOver() ? 0 : null
    found += await storePolled(db, poll, state, events, pause)
    if (pause !== null) return found
  }
}

const betweenPasses: Pick<PollState, 'cursor' | 'lists' | 'passAt'> = { cursor: null, lists: 0, passAt: null }

/** Returns when an event is reported: once no later edit can have the same time. An exact time is over at once. */
const dueInMs = ({ occurredAt, until }: PolledEvent, now: Date, { settleMs }: PollIntervals): number =>
  until <= occurredAt ? 0 : Math.max(0, until.getTime() + settleMs - now.getTime())

/** Returns the milliseconds until the next poll: longer where nothing was edited for long, and not the same for all. */
function pauseOf({ intervals, random }: PollContext, now: Date, newest: Date | undefined): number {
  const idleMs = newest === undefined ? Number.POSITIVE_INFINITY : now.getTime() - newest.getTime()
  const pause = Math.min(Math.max(intervals.intervalMs, idleMs * idleShare), intervals.idleIntervalMs)
  return pause * (0.9 + 0.2 * random())
}
