import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { sleep } from '../client/abort.ts'
import { RequestError } from '../client/errors.ts'
import { type Failure, failureOf } from './failure.ts'
import type { Operation } from './operations.ts'
import { type Session, useSession } from './session.ts'

/** What a component shows of a query. */
export interface Loaded<Result> {
  /** The latest result; null before the first one. */
  readonly data: Result | null
  readonly failure: Failure | null
  readonly loading: boolean
  reload(): void
}

/** Reads with a function, again when `key` changes or on `reload`. The previous result is shown until the next one. */
function useLoaded<Result>(
  key: string,
  read: (session: Session, signal: AbortSignal) => Promise<Result>,
): Loaded<Result> {
  const session = useSession()
  const [round, setRound] = useState(0)
  const [state, setState] = useState<{ data: Result | null; failure: Failure | null; loading: boolean }>({
    data: null,
    failure: null,
    loading: true,
  })
  useEffect(() => {
    const controller = new AbortController()
    setState(({ data }) => ({ data, failure: null, loading: true }))
    read(session, controller.signal).then(
      (data) => controller.signal.aborted || setState({ data, failure: null, loading: false }),
      (error: unknown) =>
        controller.signal.aborted || setState(({ data }) => ({ data, failure: failureOf(error), loading: false })),
    )
    return () => controller.abort(new Error('left'))
  }, [key, round, session])
  return { ...state, reload: useCallback(() => setRound((value) => value + 1), []) }
}

/** Runs a query, and again when its variables change. */
export function useQuery<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
): Loaded<Result> {
  return useLoaded(JSON.stringify([operation, variables]), (session, signal) =>
    session.run(operation, variables, { signal }),
  )
}

/** A page of a list. */
export interface Page<Item> {
  readonly nodes: readonly Item[]
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null }
}

/** A list that is read page by page. */
export interface List<Item> extends Loaded<readonly Item[]> {
  readonly hasMore: boolean
  more(): void
}

const pageSize = 25

/** Reads the first pages of a list; one more after each call of `more`. `reload` reads as many again. */
export function useList<Result, Variables extends { first: number; after?: string | null | undefined }, Item>(
  operation: Operation<Result, Variables>,
  variables: Omit<Variables, 'first' | 'after'>,
  pageOf: (result: Result) => Page<Item> | null,
): List<Item> {
  const key = JSON.stringify([operation, variables])
  const [pages, setPages] = useState({ key, count: 1 })
  const count = pages.key === key ? pages.count : 1
  const loaded = useLoaded(JSON.stringify([key, count]), async (session, signal) => {
    const items: Item[] = []
    let after: string | null = null
    let hasMore = false
    for (let index = 0; index < count; index++) {
      const result: Result = await session.run(
        operation,
        { ...variables, first: pageSize, after } as unknown as Variables,
        { signal },
      )
      const page = pageOf(result)
      if (page === null) break
      items.push(...page.nodes)
      hasMore = page.pageInfo.hasNextPage
      after = page.pageInfo.endCursor
      if (!hasMore) break
    }
    return { key, items, hasMore }
  })
  // Those of other variables would look like results of these.
  const data = loaded.data?.key === key ? loaded.data : null
  return {
    ...loaded,
    data: data?.items ?? null,
    hasMore: data?.hasMore ?? false,
    more: () => setPages({ key, count: count + 1 }),
  }
}

/** State of a subscription. */
export type LiveState = 'connecting' | 'live' | 'interrupted' | 'ended' | Failure

const maxPauseMs = 5_000

/**
 * Opens a subscription while the tab is visible, and again after the connection broke: browsers open few connections to a
 * server that speaks HTTP/1.1, and hidden tabs would use them up. `onOpen` runs whenever it is open, to read what changed
 * before. `ended`: the server ended the stream several times without an event.
 */
export function useLive<Result, Variables>(
  operation: Operation<Result, Variables>,
  variables: Variables,
  handlers: { onData(data: Result): void; onOpen?(): void },
): LiveState {
  const session = useSession()
  const latest = useRef(handlers)
  latest.current = handlers
  const [state, setState] = useState<LiveState>('connecting')
  useEffect(() => {
    const stop = new AbortController()
    const run = async () => {
      let failures = 0
      while (!stop.signal.aborted) {
        await visible(stop.signal)
        const stream = hiddenOr(stop.signal)
        const onOpen = () => {
          setState('live')
          latest.current.onOpen?.()
        }
        try {
          for await (const data of session.watch(operation, variables, { signal: stream.signal, onOpen })) {
            failures = 0
            latest.current.onData(data)
          }
          failures++
          if (failures > 2) return setState('ended')
        } catch (error) {
          if (stop.signal.aborted) return
          if (!stream.signal.aborted) {
            if (error instanceof RequestError && error.status < 500 && error.code !== 'THROTTLED') {
              return setState(failureOf(error))
            }
            setState('interrupted')
            failures++
          }
        } finally {
          stream.clear()
        }
        await sleep(Math.min(maxPauseMs, 200 * 2 ** failures), stop.signal)
      }
    }
    run().catch(() => {})
    return () => stop.abort(new Error('left'))
  }, [JSON.stringify([operation, variables]), session])
  return state
}

/** Resolves when the tab is visible. Rejects with the signal's reason. */
function visible(signal: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve()
  return new Promise((resolve, reject) => {
    const check = () => {
      if (!document.hidden) resolve()
    }
    document.addEventListener('visibilitychange', check, { signal })
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** A signal that aborts with another one, or when the tab is hidden. */
function hiddenOr(signal: AbortSignal) {
  const controller = new AbortController()
  const abort = () => controller.abort(new Error('hidden'))
  const check = () => {
    if (document.hidden) abort()
  }
  document.addEventListener('visibilitychange', check)
  signal.addEventListener('abort', abort)
  return {
    signal: controller.signal,
    clear() {
      document.removeEventListener('visibilitychange', check)
      signal.removeEventListener('abort', abort)
    },
  }
}

/** A change that a user starts: `run` reports a failure in `failure`, and resolves with whether it worked. */
export function useAction() {
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<Failure | null>(null)
  const run = async (act: () => Promise<void>): Promise<boolean> => {
    setBusy(true)
    setFailure(null)
    try {
      await act()
      return true
    } catch (error) {
      setFailure(failureOf(error))
      return false
    } finally {
      setBusy(false)
    }
  }
  return { busy, failure, run }
}
