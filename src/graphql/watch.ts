import { isDeepStrictEqual } from 'node:util'
import { Repeater, SlidingBuffer } from '@repeaterjs/repeater'
import { type AccountFilter, type AccountName, findAccount, findAccountsById } from '../accounts/account-store.ts'
import type { ConnectedAccount, StatusTransition } from '../accounts/connected-account.ts'
import type { AccountsContext } from '../accounts/context.ts'
import { findTransition } from '../accounts/status-transitions.ts'
import type { Viewer } from '../environments/viewer.ts'
import type { AccountEvent } from '../events/status-events.ts'
import { badUserInput, throttled } from './protocol-errors.ts'

/** What subscriptions watch. Streams end when the server stops and when the viewer's credential ends. */
export interface AccountWatch {
  /**
   * The account now and after each change; ends when it is deleted. Refused when there is no such account.
   * A state that was shown is not shown again: the event of a change may arrive after the change itself was read.
   */
  account(viewer: Viewer, name: AccountName): AsyncIterable<ConnectedAccount>
  /** Every change of status from now on, of the accounts that fit the filter. */
  changes(viewer: Viewer, filter: AccountFilter): AsyncIterable<StatusTransition>
}

/** How far a slow subscriber may lag behind; older events are dropped, as each stream goes on with the current state. */
const largestBacklog = 256

/** How many streams may be open on a node with one user session, and with one API key and all sessions of it. */
const mostStreams = { perSession: 20, perApiKey: 10_000 }

/**
 * Makes the streams of subscriptions. Every event is read again from the database within the viewer's environment:
 * events carry ids alone. `isStillValid` is asked at each event of the environment and every `recheckMs`, so that a stream
 * does not outlive its credential. `observe` hears of streams that open and end.
 */
export function createAccountWatch(
  context: Pick<AccountsContext, 'db' | 'events' | 'log'>,
  options: {
    readonly isStillValid: (viewer: Viewer) => Promise<boolean>
    readonly stopping: AbortSignal
    readonly recheckMs?: number
    readonly observe?: (change: 1 | -1) => void
  },
): AccountWatch {
  const { db, events, log } = context
  const open = new Map<string, number>()

  /** Takes a place for a stream of this credential and gives how to leave it; null when all of them are taken. */
  const enter = ({ credential }: Viewer): (() => void) | null => {
    const places = [
      [credential.apiKeyId, mostStreams.perApiKey],
      ...(credential.kind === 'user_session' ? [[credential.id, mostStreams.perSession] as const] : []),
    ] as const
    if (places.some(([key, most]) => (open.get(key) ?? 0) >= most)) return null
    const count = (change: 1 | -1) => {
      options.observe?.(change)
      for (const [key] of places) {
        const left = (open.get(key) ?? 0) + change
        if (left === 0) open.delete(key)
        else open.set(key, left)
      }
    }
    count(1)
    return () => count(-1)
  }

  /** Runs `onEvent` for one event after the other, and ends the stream when the credential or the server does. */
  const stream = <T>(
    viewer: Viewer,
    onStart: ((push: (value: T) => void) => Promise<'go on' | 'end'>) | null,
    onEvent: (event: AccountEvent | null, push: (value: T) => void) => Promise<'go on' | 'end'>,
  ): AsyncIterable<T> =>
    new Repeater<T>(async (push, stop) => {
      const leave = enter(viewer)
      if (leave === null) {
        stop(throttled('Too many subscriptions are open with this credential: end one first.'))
        return
      }
      let queue: Promise<unknown> = Promise.resolve()
      let waiting = 0
      const send = (value: T) => void push(value).catch(() => {})
      const step = (work: () => Promise<'go on' | 'end'>) => {
        if (waiting >= largestBacklog) return
        waiting++
        queue = queue
          .then(async () => {
            waiting--
            if ((await options.isStillValid(viewer)) === false || (await work()) === 'end') stop()
          })
          .catch((error: unknown) => {
            log.error({ err: error }, 'a subscription failed')
            stop(error)
          })
      }
      const end = () => stop()
      const unsubscribe = events.subscribe(viewer.environmentId, {
        onEvent: (event) => step(() => onEvent(event, send)),
        onGap: () => step(() => onEvent(null, send)),
      })
      const recheck = setInterval(() => step(async () => 'go on'), options.recheckMs ?? 15_000)
      const { expiresAt } = viewer.credential
      // setTimeout takes at most 2^31-1 ms; credentials that live longer are met by the recheck.
      const lifetime = expiresAt === null ? Number.POSITIVE_INFINITY : expiresAt.getTime() - Date.now()
      const expiry = lifetime < 2 ** 31 ? setTimeout(end, Math.max(lifetime, 0)) : undefined
      options.stopping.addEventListener('abort', end)
      if (options.stopping.aborted) end()
      if (onStart) step(() => onStart(send))
      await stop
      leave()
      unsubscribe()
      clearInterval(recheck)
      clearTimeout(expiry)
      options.stopping.removeEventListener('abort', end)
    }, new SlidingBuffer(largestBacklog))

  return {
    account(viewer, name) {
      let shown: ConnectedAccount | undefined
      const show = async (push: (value: ConnectedAccount) => void): Promise<'go on' | 'end'> => {
        const account = await findAccount(db, viewer.environmentId, name)
        if (account === null) {
          if (shown !== undefined) return 'end'
          throw badUserInput(
            `There is no account "${name.identifier}" under the connection "${name.connectionName}": create it with getOrCreateConnectedAccount first.`,
          )
        }
        if (!isDeepStrictEqual(account, shown)) push(account)
        shown = account
        return 'go on'
      }
      return stream<ConnectedAccount>(viewer, show, async (event, push) =>
        event === null || event.accountId === shown?.id ? show(push) : 'go on',
      )
    },
    changes: (viewer, filter) =>
      stream<StatusTransition>(viewer, null, async (event, push) => {
        if (event?.transitionId == null || event.accountId === null) return 'go on'
        const [account] = await findAccountsById(db, viewer.environmentId, [event.accountId])
        const transition = await findTransition(db, viewer.environmentId, event.transitionId)
        if (account && transition && fits(account, transition, filter)) push(transition)
        return 'go on'
      }),
  }
}

function fits(account: ConnectedAccount, transition: StatusTransition, filter: AccountFilter): boolean {
  return (
    (filter.connectionName == null || filter.connectionName === account.connectionName) &&
    (filter.identifier == null || filter.identifier === account.identifier) &&
    (filter.status == null || filter.status.includes(transition.to))
  )
}
