import { isDeepStrictEqual } from 'node:util'
import { Repeater, SlidingBuffer } from '@repeaterjs/repeater'
import * as z from 'zod'
import type { Database } from '../db/database.ts'
import type { Viewer } from '../environments/viewer.ts'
import type { Log } from '../log.ts'
import type { Approvals, ToolApproval } from '../tools/approvals.ts'
import { type AccountWatch, cut } from './watch.ts'

/** Which approvals a stream emits. */
interface WatchedApprovals {
  readonly connectionName?: string | null | undefined
  readonly identifier?: string | null | undefined
}

/** The streams of approvals that wait. */
export interface ApprovalWatch {
  /**
   * Emits the approvals that wait, at once and after each change. Ends as the streams of {@link AccountWatch} do: with the
   * viewer's credential, or when the server stops.
   */
  pending(viewer: Viewer, filter: WatchedApprovals): AsyncIterable<readonly ToolApproval[]>
  close(): Promise<void>
}

interface ApprovalStream {
  readonly environmentId: string
  readonly identifier: string | null
  readonly wake: () => void
}

/** How long after the end of an approval's time a stream reads again, in milliseconds. */
const expiryLagMs = 50

/** Notified by the triggers of the migration, so that no commit is missed whichever program makes it. */
const channel = 'valetkey_tool_approvals'

/** The identifier is null when the account is gone. */
const messageSchema = z.object({ environmentId: z.uuid(), identifier: z.string().nullable() })

/** Listens to changes of approvals on all nodes. A stream reads again after a change of its user, or when one may be missed. */
export async function createApprovalWatch(parts: {
  readonly notifications: Database['notifications']
  readonly watch: Pick<AccountWatch, 'connection'>
  readonly approvals: Pick<Approvals, 'pending'>
  readonly log: Log
}): Promise<ApprovalWatch> {
  const { notifications, watch, approvals, log } = parts
  const streams = new Set<ApprovalStream>()
  const wakeAll = () => {
    for (const stream of streams) stream.wake()
  }
  const close = await notifications.listen(channel, {
    onMessage(payload) {
      const changed = messageSchema.parse(JSON.parse(payload))
      for (const stream of streams) {
        const concerns =
          stream.environmentId === changed.environmentId &&
          (stream.identifier === null || changed.identifier === null || stream.identifier === changed.identifier)
        if (concerns) stream.wake()
      }
    },
    onGap: wakeAll,
  })
  return {
    close,
    pending: (viewer, filter) =>
      new Repeater<readonly ToolApproval[]>(async (push, stop) => {
        let emitted: readonly ToolApproval[] | null = null
        let reading = false
        let isOpen = true
        let isStale = false
        let expiry: NodeJS.Timeout | undefined
        const read = async () => {
          isStale = true
          if (reading) return
          reading = true
          try {
            while (isStale) {
              isStale = false
              const found = await approvals.pending(viewer, filter)
              // Without what differs at each reading.
              const current = found.map((approval) => ({ ...approval, expiresInMs: 0 }))
              clearTimeout(expiry)
              // No other process reports the end of an approval's time before it is deleted.
              const soonest = Math.min(...found.map(({ expiresInMs }) => expiresInMs))
              if (isOpen && found.length > 0) expiry = setTimeout(() => void read(), Math.max(soonest, 0) + expiryLagMs)
              if (isDeepStrictEqual(current, emitted)) continue
              emitted = current
              void push(current).catch(() => {})
            }
          } catch (error) {
            log.error({ err: error }, 'reading approvals for a subscription failed')
            stop(emitted === null ? error : cut())
          }
          reading = false
        }
        const leave = watch.connection(viewer, stop)
        const stream: ApprovalStream = {
          environmentId: viewer.environmentId,
          identifier: viewer.identifier ?? filter.identifier ?? null,
          wake: () => void read(),
        }
        streams.add(stream)
        stream.wake()
        await stop
        isOpen = false
        clearTimeout(expiry)
        streams.delete(stream)
        leave()
        // Of several states that were not sent yet, only the newest is of use.
      }, new SlidingBuffer(1)),
  }
}
