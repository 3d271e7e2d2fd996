import { isDeepStrictEqual } from 'node:util'
import { Repeater, SlidingBuffer } from '@repeaterjs/repeater'
import { type AccountFilter, type AccountName, findAccount, findAccountsById } from '../accounts/account-store.ts'
import type { ConnectedAccount, StatusTransition } from '../accounts/connected-account.ts'
import type { AccountsContext } from '../accounts/context.ts'
import { findTransition } from '../accounts/status-transitions.ts'
import type { Viewer } from '../environments/viewer.ts'
import type { AccountEvent } from '../events/status-events.ts'
import { badUserInput, throttled } from './protocol-errors.ts'

/** The streams of subscriptions. They end when the server stops or the viewer's credential ends. */
export interface AccountWatch {
  /**
   * Emits the account immediately and after each change, and ends when the account is deleted. Throws BAD_USER_INPUT if
   * it does not exist. Does not emit the same state twice: the event of a change may arrive after the change was read.
   */
  account(viewer: Viewer, name: AccountName): AsyncIterable<ConnectedAccount>
  /** Emits every change of status from now on of the accounts that match the filter. */
  changes(viewer: Viewer, filter: AccountFilter): AsyncIterable<StatusTransition>
}

/** Maximum number of unsent events of a stream. Older ones are dropped: each event is followed by the current state. */
const maxBacklog = 256

/** Maximum number of open streams on a node for a user session, and for an API key with all its sessions. */
const maxStreams = { perSession: 20, perApiKey: 10_000 }

/**
 * Makes the streams of subscriptions. Events contain only IDs; the objects are read from the database within the viewer's
 * environment. `isStillValid` is called for each event of the environment and every `recheckMs` milliseconds, so that a
 * stream does not outlive its credential. `observe` is called with 1 when a stream opens and -1 when it ends.
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

  /** Counts a stream of this credential and returns a function that ends the count. Null if the limit is reached. */
  const enter = ({ credential }: Viewer): (() => void) | null => {
    const limits = new Map([[credential.apiKeyId, maxStreams.perApiKey]])
    if (credential.kind === 'user_session') limits.set(credential.id, maxStreams.perSession)
    if ([...limits].some(([key, max]) => (open.get(key) ?? 0) >= max)) return null
    const count = (change: 1 | -1) => {
      options.observe?.(change)
      for (const key of limits.keys()) {
        const left = (open.get(key) ?? 0) + change
        if (left === 0) open.delete(key)
        else open.set(key, left)
      }
    }
    count(1)
    return () => count(-1)
  }

  /** Runs `onEvent` for one event at a time. Ends the stream when the credential ends or the server stops. */
  const stream = <T>(
    viewer: Viewer,
    onStart: ((push: (value: T) => void) => Promise<'continue' | 'end'>) | null,
    onEvent: (event: AccountEvent | null, push: (value: T) => void) => Promise<'continue' | 'end'>,
  ): AsyncIterable<T> =>
    new Repeater<T>(async (push, stop) => {
      const leave = enter(viewer)
      if (leave === null) {
        stop(throttled('Too many subscriptions are open with this credential. End one first.'))
        return
      }
      let queue: Promise<unknown> = Promise.resolve()
      let waiting = 0
      const send = (value: T) => void push(value).catch(() => {})
      const step = (work: () => Promise<'continue' | 'end'>) => {
        if (waiting >= maxBacklog) return
        waiting++
        queue = queue
          .then(async () => {
            waiting--
            if ((await options.isStillValid(viewer)) === false || (await work()) === 'end') stop()
          })
          .catch((error: unknown) => {
            log.error({ err: error }, 'subscription failed')
            stop(error)
          })
      }
      const end = () => stop()
      const unsubscribe = events.subscribe(viewer.environmentId, {
        onEvent: (event) => step(() => onEvent(event, send)),
        onGap: () => step(() => onEvent(null, send)),
      })
      const recheck = setInterval(() => step(async () => 'continue'), options.recheckMs ?? 15_000)
      const { expiresAt } = viewer.credential
      // setTimeout takes at most 2^31-1 ms. The periodic check ends streams of credentials that live longer.
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
    }, new SlidingBuffer(maxBacklog))

  return {
    account(viewer, name) {
      let emitted: ConnectedAccount | undefined
      const emit = async (push: (value: ConnectedAccount) => void): Promise<'continue' | 'end'> => {
        const account = await findAccount(db, viewer.environmentId, name)
        if (account === null) {
          if (emitted !== undefined) return 'end'
          throw badUserInput(
            `The connection "${name.connectionName}" has no account "${name.identifier}". Create it with getOrCreateConnectedAccount first.`,
          )
        }
        if (!isDeepStrictEqual(account, emitted)) push(account)
        emitted = account
        return 'continue'
      }
      return stream<ConnectedAccount>(viewer, emit, async (event, push) =>
        event === null || event.accountId === emitted?.id ? emit(push) : 'continue',
      )
    },
    changes: (viewer, filter) =>
      stream<StatusTransition>(viewer, null, async (event, push) => {
        if (event?.transitionId == null || event.accountId === null) return 'continue'
        const [account] = await findAccountsById(db, viewer.environmentId, [event.accountId])
        const transition = await findTransition(db, viewer.environmentId, event.transitionId)
        if (account && transition && matches(account, transition, filter)) push(transition)
        return 'continue'
      }),
  }
}

function matches(account: ConnectedAccount, transition: StatusTransition, filter: AccountFilter): boolean {
  return (
    (filter.connectionName == null || filter.connectionName === account.connectionName) &&
    (filter.identifier == null || filter.identifier === account.identifier) &&
    (filter.status == null || filter.status.includes(transition.to))
  )
}
