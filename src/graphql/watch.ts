import { isDeepStrictEqual } from 'node:util'
import { Repeater, SlidingBuffer } from '@repeaterjs/repeater'
import { readChanges } from '../accounts/account-changes.ts'
import { type AccountFilter, type AccountName, findAccountsByName } from '../accounts/account-store.ts'
import type { ConnectedAccount, StatusTransition } from '../accounts/connected-account.ts'
import type { AccountsContext } from '../accounts/context.ts'
import { startLoop } from '../background.ts'
import type { ChangedRows } from '../db/changed-rows.ts'
import { remainingLifetimes } from '../environments/authenticate.ts'
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
  changes(viewer: Viewer, filter: AccountFilter): AsyncIterable<WatchedTransition>
}

/** A change of status with the account as it was when the change was read. */
export type WatchedTransition = StatusTransition & { readonly account: ConnectedAccount }

/** Maximum number of unsent values of a stream. Older ones are dropped. */
const maxBacklog = 256

/** Maximum number of open streams on a node for a user session, and for an API key with all its sessions. */
const maxStreams = { perSession: 20, perApiKey: 10_000 }

/** Events that are read at once: fewer than {@link maxBacklog}, so that streams can send them in between. */
const maxEventsPerRead = 100

/** Maximum number of events that wait to be read. With more, all watched accounts are read again instead. */
const maxUnread = 50_000

/** An open stream. */
interface Stream {
  readonly viewer: Viewer
  /** Ends the stream, with an error if one is passed. */
  readonly end: (error?: unknown) => void
  /** Ends the stream when its credential expires. Set when that is soon. */
  expiry?: NodeJS.Timeout | undefined
}

interface AccountStream extends Stream {
  readonly name: AccountName
  readonly push: (account: ConnectedAccount) => void
  /** The state that was emitted last; undefined until the account has been found. */
  emitted?: ConnectedAccount
}

interface ChangeStream extends Stream {
  readonly filter: AccountFilter
  readonly push: (transition: WatchedTransition) => void
}

/**
 * Makes the streams of subscriptions. Events contain only IDs: the node reads the objects of each event once, within the
 * event's environment, for all streams that the event concerns. `changedRows` reports changes of credentials; while it may
 * miss some, credentials are checked before anything is emitted. All are checked every `recheckMs` milliseconds as well.
 * `observe` is called with 1 when a stream opens and -1 when it ends.
 */
export function createAccountWatch(
  context: Pick<AccountsContext, 'db' | 'events' | 'log'>,
  options: {
    readonly changedRows: Pick<ChangedRows, 'areKnown' | 'subscribe'>
    readonly stopping: AbortSignal
    readonly recheckMs?: number
    readonly observe?: (change: 1 | -1) => void
  },
): AccountWatch {
  const { db, events, log } = context
  const { changedRows, stopping, recheckMs = 15_000 } = options
  /** The streams of a credential, by the ID of the API key and by that of the user session. */
  const ofCredential = createIndex<Stream>()
  /** By {@link accountKey}. */
  const ofAccount = createIndex<AccountStream>()
  /** By environment. */
  const ofChanges = createIndex<ChangeStream>()
  /** Streams that have not been checked yet, and those that are being checked. */
  let fresh: Stream[] = []
  let opening: readonly Stream[] = []
  let unread: AccountEvent[] = []
  /** Whether any watched account may have changed. */
  let mayHaveMissed = false
  /** API keys that may have ended. */
  const doubtful = new Set<string>()
  let working = false

  const mayOpen = ({ credential: { kind, id, apiKeyId } }: Viewer) =>
    ofCredential.get(apiKeyId).size < maxStreams.perApiKey &&
    (kind === 'api_key' || ofCredential.get(id).size < maxStreams.perSession)

  /** Ends the streams whose credential has ended, and those whose credential expires before the next check when it does. */
  const checkCredentials = async (streams: Iterable<Stream>): Promise<void> => {
    const checked = [...streams]
    const lifetimes = await remainingLifetimes(
      context,
      checked.map(({ viewer }) => viewer),
    )
    for (const [at, stream] of checked.entries()) {
      const lifetime = lifetimes[at] ?? Number.POSITIVE_INFINITY
      clearTimeout(stream.expiry)
      if (lifetime === 0) stream.end()
      else stream.expiry = lifetime <= 2 * recheckMs ? setTimeout(stream.end, lifetime) : undefined
    }
  }

  const emit = (stream: AccountStream, account: ConnectedAccount) => {
    if (!isDeepStrictEqual(account, stream.emitted)) stream.push(account)
    stream.emitted = account
  }

  /** Finds the accounts of new streams and emits their state. */
  const open = async (streams: readonly AccountStream[]): Promise<void> => {
    const names = streams.map(({ viewer, name }) => ({ ...name, environmentId: viewer.environmentId }))
    const accounts = await findAccountsByName(db, names)
    for (const [at, stream] of streams.entries()) {
      const { viewer, name, end } = stream
      const account = accounts[at] ?? null
      if (account === null) {
        end(
          badUserInput(
            `The connection "${name.connectionName}" has no account "${name.identifier}". Create it with getOrCreateConnectedAccount first.`,
          ),
        )
      } else if (ofCredential.get(viewer.credential.id).has(stream)) {
        ofAccount.add(accountKey(viewer.environmentId, account.id), stream)
        emit(stream, account)
      }
    }
  }

  /** Emits what these events report. */
  const report = async (reported: readonly AccountEvent[]): Promise<void> => {
    const changes = await readChanges(db, reported)
    for (const [at, { environmentId, accountId }] of reported.entries()) {
      const { account = null, transition = null } = changes[at] ?? {}
      for (const stream of ofAccount.get(accountKey(environmentId, accountId))) {
        if (account === null) stream.end()
        else emit(stream, account)
      }
      if (account === null || transition === null) continue
      const watched = { ...transition, account }
      for (const { filter, push } of ofChanges.get(environmentId)) if (matches(watched, filter)) push(watched)
    }
  }

  /** Events that report every account with a stream. */
  const allWatched = (): AccountEvent[] =>
    ofAccount.keys().map((key) => {
      const [environmentId = '', accountId = ''] = key.split('/')
      return { environmentId, accountId, transitionId: null }
    })

  /** Serves what was opened, doubted and reported since the last call. A failure ends the streams that this concerns. */
  const work = async (): Promise<void> => {
    opening = fresh
    fresh = []
    if (mayHaveMissed) unread.push(...allWatched())
    mayHaveMissed = false
    const reported = unread.splice(0, maxEventsPerRead)
    const receivers = reported.flatMap(({ environmentId, accountId }) => [
      ...ofAccount.get(accountKey(environmentId, accountId)),
      ...ofChanges.get(environmentId),
    ])
    const unsure = new Set(changedRows.areKnown() ? opening : [...opening, ...receivers])
    for (const key of doubtful) for (const stream of ofCredential.get(key)) unsure.add(stream)
    doubtful.clear()
    try {
      await checkCredentials(unsure)
      await open(opening.filter((stream) => 'name' in stream) as AccountStream[])
      await report(reported)
    } catch (error) {
      log.error({ err: error }, 'reading for subscriptions failed')
      for (const stream of new Set([...unsure, ...receivers])) stream.end(error)
    }
    opening = []
  }

  const wake = async (): Promise<void> => {
    if (working) return
    working = true
    while (fresh.length > 0 || unread.length > 0 || mayHaveMissed || doubtful.size > 0) await work()
    working = false
  }

  events.subscribe({
    onEvent(event) {
      const { environmentId, accountId, transitionId } = event
      const concerns =
        // The account of a stream that is being opened is not known yet.
        opening.length > 0 ||
        ofAccount.get(accountKey(environmentId, accountId)).size > 0 ||
        (transitionId !== null && ofChanges.get(environmentId).size > 0)
      if (!concerns) return
      unread.push(event)
      if (unread.length > maxUnread) {
        log.warn({ dropped: unread.length }, 'too many changes for subscriptions')
        unread = []
        mayHaveMissed = true
      }
      void wake()
    },
    onGap() {
      mayHaveMissed = true
      void wake()
    },
  })
  changedRows.subscribe((id) => {
    if (id === null) for (const key of ofCredential.keys()) doubtful.add(key)
    else if (ofCredential.get(id).size > 0) doubtful.add(id)
    void wake()
  })
  const checks = startLoop({
    name: 'checking the credentials of subscriptions',
    everyMs: recheckMs,
    log,
    run: () => checkCredentials(ofCredential.all()),
  })
  stopping.addEventListener('abort', () => {
    void checks.stop()
    for (const stream of ofCredential.all()) stream.end()
  })

  /** A stream with `properties` that is in the index from its opening to its end. */
  const stream = <Value, Properties extends object>(
    viewer: Viewer,
    properties: Properties,
    whileOpen: (stream: Stream & Properties & { readonly push: (value: Value) => void }) => () => void,
  ): AsyncIterable<Value> =>
    new Repeater<Value>(async (push, stop) => {
      if (!mayOpen(viewer)) stop(throttled('Too many subscriptions are open with this credential. End one first.'))
      else if (stopping.aborted) stop()
      else {
        const opened: Parameters<typeof whileOpen>[0] = {
          ...properties,
          viewer,
          end: stop,
          push: (value) => void push(value).catch(() => {}),
        }
        const ids = new Set([viewer.credential.apiKeyId, viewer.credential.id])
        for (const id of ids) ofCredential.add(id, opened)
        const leave = whileOpen(opened)
        options.observe?.(1)
        fresh.push(opened)
        void wake()
        await stop
        options.observe?.(-1)
        leave()
        for (const id of ids) ofCredential.delete(id, opened)
        clearTimeout(opened.expiry)
      }
    }, new SlidingBuffer(maxBacklog))

  return {
    account: (viewer, name) =>
      stream(viewer, { name }, (opened: AccountStream) => () => {
        if (opened.emitted) ofAccount.delete(accountKey(viewer.environmentId, opened.emitted.id), opened)
      }),
    changes: (viewer, filter) =>
      stream(viewer, { filter }, (opened: ChangeStream) => {
        ofChanges.add(viewer.environmentId, opened)
        return () => ofChanges.delete(viewer.environmentId, opened)
      }),
  }
}

/** Sets by key, without empty ones. */
interface Index<Item> {
  get(key: string): ReadonlySet<Item>
  add(key: string, item: Item): void
  delete(key: string, item: Item): void
  keys(): string[]
  /** Every item once. */
  all(): ReadonlySet<Item>
}

function createIndex<Item>(): Index<Item> {
  const sets = new Map<string, Set<Item>>()
  const none: ReadonlySet<Item> = new Set()
  return {
    get: (key) => sets.get(key) ?? none,
    add(key, item) {
      const set = sets.get(key) ?? new Set()
      sets.set(key, set.add(item))
    },
    delete(key, item) {
      const set = sets.get(key)
      set?.delete(item)
      if (set?.size === 0) sets.delete(key)
    },
    keys: () => [...sets.keys()],
    all: () => new Set([...sets.values()].flatMap((set) => [...set])),
  }
}

const accountKey = (environmentId: string, accountId: string) => `${environmentId}/${accountId}`

function matches({ account, to }: WatchedTransition, filter: AccountFilter): boolean {
  return (
    (filter.connectionName == null || filter.connectionName === account.connectionName) &&
    (filter.identifier == null || filter.identifier === account.identifier) &&
    (filter.status == null || filter.status.includes(to))
  )
}
