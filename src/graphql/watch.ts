import { isDeepStrictEqual } from 'node:util'
import { Repeater, SlidingBuffer } from '@repeaterjs/repeater'
import { readChanges } from '../accounts/account-changes.ts'
import { type AccountFilter, matchesFilter } from '../accounts/account-filter.ts'
import { type AccountName, findAccountsByName } from '../accounts/account-store.ts'
import type { ConnectedAccount, StatusTransition } from '../accounts/connected-account.ts'
import type { AccountsContext } from '../accounts/context.ts'
import { startLoop } from '../background.ts'
import type { IndexFacts, IndexLoader } from '../content-index/index-status.ts'
import type { ChangedRows } from '../db/changed-rows.ts'
import { credentialEnds } from '../environments/authenticate.ts'
import { mayActOn, type Viewer } from '../environments/viewer.ts'
import type { AccountEvent } from '../events/status-events.ts'
import { badUserInput, notFound, throttled, unauthenticated } from './protocol-errors.ts'

/**
 * The streams of subscriptions. They throw UNAUTHENTICATED when the viewer's credential ends, and an AbortError when the
 * server stops or cannot read what is next: a client that is cut off reconnects, perhaps to another node, and one that was
 * answered would not.
 */
export interface AccountWatch {
  /**
   * Emits the account immediately and after each change. Throws BAD_USER_INPUT if it does not exist, and NOT_FOUND when
   * it is deleted. Does not emit the same state twice: the event of a change may arrive after the change was read.
   * `withIndex`: the state includes the index of the account's content, whose progress is emitted every few seconds.
   */
  account(
    viewer: Viewer,
    name: AccountName,
    options?: { readonly withIndex?: boolean },
  ): AsyncIterable<ConnectedAccount>
  /** Emits every change of status from now on of the accounts that match the filter. */
  changes(viewer: Viewer, filter: AccountFilter): AsyncIterable<WatchedTransition>
  /**
   * Counts a connection with the viewer's streams, and calls `onEnd` with the error when the credential ends. Returns the
   * function that uncounts it. Throws THROTTLED when too many streams and connections are open.
   */
  connection(viewer: Viewer, onEnd: (error: unknown) => void): () => void
}

/** A change of status with the account as it was when the change was read. */
export type WatchedTransition = StatusTransition & { readonly account: ConnectedAccount }

/** Maximum number of unsent values of a stream. Older ones are dropped. */
const maxBacklog = 256

/** Maximum number of open streams and connections on a node for a user session, and for an API key with all its sessions. */
const maxStreams = { perSession: 20, perApiKey: 10_000 }

/** Events that are read at once: fewer than {@link maxBacklog}, so that streams can send them in between. */
const maxEventsPerRead = 100

/** Maximum number of events that wait to be read. With more, all watched accounts are read again instead. */
const maxUnread = 50_000

/** An open stream or connection. */
interface Stream {
  readonly viewer: Viewer
  readonly end: (error: unknown) => void
  /** Ends the stream when its credential expires. Set when that is soon. */
  expiry?: NodeJS.Timeout | undefined
}

interface AccountStream extends Stream {
  readonly name: AccountName
  readonly withIndex: boolean
  readonly push: (account: ConnectedAccount) => void
  /** The state that was emitted last; undefined until the account has been found. */
  emitted?: EmittedState
}

/** `index` is undefined in a stream without it, and null where the account has none. */
interface EmittedState {
  readonly account: ConnectedAccount
  readonly index: IndexFacts | null | undefined
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
  context: Pick<AccountsContext, 'db' | 'events' | 'log' | 'bindingKey'>,
  options: {
    readonly changedRows: Pick<ChangedRows, 'areKnown' | 'subscribe'>
    readonly indexes: IndexLoader
    readonly stopping: AbortSignal
    readonly recheckMs?: number
    readonly observe?: (change: 1 | -1) => void
  },
): AccountWatch {
  const { db, events, log } = context
  const { changedRows, indexes, stopping, recheckMs = 15_000 } = options
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

  /** Ends the streams whose credential has ended, and those whose credential expires before the next check when it does. */
  const checkCredentials = async (streams: Iterable<Stream>): Promise<void> => {
    const checked = [...streams]
    const ends = await credentialEnds(
      context,
      checked.map(({ viewer }) => viewer),
    )
    for (const [at, { inMs, refusal }] of ends.entries()) {
      const stream = checked[at]
      // One that was left meanwhile is not in the index.
      if (!stream || !ofCredential.get(stream.viewer.credential.id).has(stream)) continue
      clearTimeout(stream.expiry)
      const end = () => stream.end(unauthenticated(refusal.message, refusal.reason))
      if (inMs === 0) end()
      else stream.expiry = inMs !== null && inMs <= 2 * recheckMs ? setTimeout(end, inMs) : undefined
    }
  }

  const emit = (stream: AccountStream, account: ConnectedAccount, index: IndexFacts | null | undefined) => {
    const state: EmittedState = { account, index: stream.withIndex ? index : undefined }
    if (!isDeepStrictEqual(state, stream.emitted)) stream.push(account)
    stream.emitted = state
  }

  /** Finds the indexes of the accounts of streams that include them, in one query. */
  const indexesOf = async (
    streams: readonly { readonly accountId: string; readonly stream: AccountStream }[],
  ): Promise<ReadonlyMap<string, IndexFacts | null>> => {
    const wanted = streams.filter(({ stream }) => stream.withIndex)
    const keys = new Map(
      wanted.map(({ accountId, stream: { viewer } }) => [
        accountKey(viewer.environmentId, accountId),
        { environmentId: viewer.environmentId, accountId },
      ]),
    )
    const found = await Promise.all([...keys.values()].map((key) => indexes.load(key)))
    return new Map([...keys.keys()].map((key, at) => [key, found[at] ?? null]))
  }

  /** Finds the accounts of new streams and emits their state. */
  const open = async (streams: readonly AccountStream[]): Promise<void> => {
    const names = streams.map(({ viewer, name }) => ({ ...name, environmentId: viewer.environmentId }))
    const accounts = await findAccountsByName(db, names)
    const withIndex = await indexesOf(
      streams.flatMap((stream, at) => (accounts[at] ? [{ accountId: accounts[at].id, stream }] : [])),
    )
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
        const key = accountKey(viewer.environmentId, account.id)
        ofAccount.add(key, stream)
        emit(stream, account, withIndex.get(key))
      }
    }
  }

  /** Emits what these events report. */
  const report = async (reported: readonly AccountEvent[]): Promise<void> => {
    const streamsOf = ({ environmentId, accountId }: AccountEvent) =>
      ofAccount.get(accountKey(environmentId, accountId))
    const [changes, withIndex] = await Promise.all([
      readChanges(db, reported),
      indexesOf(reported.flatMap((event) => [...streamsOf(event)].map((stream) => ({ ...event, stream })))),
    ])
    for (const [at, { environmentId, accountId }] of reported.entries()) {
      const { account = null, transition = null } = changes[at] ?? {}
      const key = accountKey(environmentId, accountId)
      for (const stream of ofAccount.get(key)) {
        if (account === null) stream.end(notFound('The account was deleted.'))
        else emit(stream, account, withIndex.get(key))
      }
      if (account === null || transition === null) continue
      const watched = { ...transition, account }
      for (const { viewer, filter, push } of ofChanges.get(environmentId))
        if (mayActOn(viewer, account) && matchesFilter(account, transition.to, filter)) push(watched)
    }
  }

  /** Events that report every account with a stream. */
  const allWatched = (): AccountEvent[] =>
    ofAccount.keys().map((key) => {
      const [environmentId = '', accountId = ''] = key.split('/')
      return { environmentId, accountId, transitionId: null }
    })

  /** Serves what was opened, doubted and reported since the last call. A failure cuts the streams that this concerns. */
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
      // A client that has just opened its stream is answered as with any request.
      for (const stream of new Set([...unsure, ...receivers])) stream.end(opening.includes(stream) ? error : cut())
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
    for (const stream of ofCredential.all()) stream.end(cut())
  })

  const refuseTooMany = (viewer: Viewer) => {
    const { kind, id, apiKeyId } = viewer.credential
    const mayOpen =
      ofCredential.get(apiKeyId).size < maxStreams.perApiKey &&
      (kind === 'api_key' || ofCredential.get(id).size < maxStreams.perSession)
    if (!mayOpen) throw throttled('Too many subscriptions are open with this credential. End one first.')
  }

  /** Adds a stream to the index and has its credential checked. Returns the function that removes it. */
  const enter = (opened: Stream): (() => void) => {
    const ids = new Set([opened.viewer.credential.apiKeyId, opened.viewer.credential.id])
    for (const id of ids) ofCredential.add(id, opened)
    fresh.push(opened)
    void wake()
    return () => {
      for (const id of ids) ofCredential.delete(id, opened)
      clearTimeout(opened.expiry)
    }
  }

  /** A stream with `properties` that is in the index from its opening to its end. */
  const stream = <Value, Properties extends object>(
    viewer: Viewer,
    properties: Properties,
    whileOpen: (stream: Stream & Properties & { readonly push: (value: Value) => void }) => () => void,
  ): AsyncIterable<Value> =>
    new Repeater<Value>(async (push, stop) => {
      refuseTooMany(viewer)
      if (stopping.aborted) throw cut()
      const opened: Parameters<typeof whileOpen>[0] = {
        ...properties,
        viewer,
        end: stop,
        push: (value) => void push(value).catch(() => {}),
      }
      const leave = whileOpen(opened)
      options.observe?.(1)
      const remove = enter(opened)
      await stop
      options.observe?.(-1)
      leave()
      remove()
    }, new SlidingBuffer(maxBacklog))

  return {
    account: (viewer, name, { withIndex = false } = {}) =>
      stream(viewer, { name, withIndex }, (opened: AccountStream) => () => {
        if (opened.emitted) ofAccount.delete(accountKey(viewer.environmentId, opened.emitted.account.id), opened)
      }),
    changes: (viewer, filter) =>
      stream(viewer, { filter }, (opened: ChangeStream) => {
        ofChanges.add(viewer.environmentId, opened)
        return () => ofChanges.delete(viewer.environmentId, opened)
      }),
    connection(viewer, onEnd) {
      refuseTooMany(viewer)
      return enter({ viewer, end: onEnd })
    },
  }
}

/** The error with which a response is cut, without an end and without an answer. */
export const cut = (): Error => new DOMException('The stream was cut.', 'AbortError')

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
