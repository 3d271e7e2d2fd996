import { OutcomeUnknownError, ProviderError, ToolError } from '../errors.ts'
import { databaseFull } from './answer.ts'
import type { About, NotionCall } from './call.ts'
import { isObject, objectAt, textAt, toObject } from './json.ts'

/** The Markdown, in UTF-16 code units, from which Notion may write in the background, since writing it takes long. */
const longFrom = 20_000

/** How long to wait before a task is read again, in milliseconds, whatever Notion asks for. */
const pauses = { min: 500, max: 10_000 }

/** Returns the parameter that lets Notion write long Markdown in the background. */
export const asyncFor = (markdown: string): { readonly allow_async?: true } =>
  markdown.length < longFrom ? {} : { allow_async: true }

/** A write that Notion may carry out in the background. */
export interface BackgroundWrite {
  /** Its request, for the error of a refusal: the method, the path after `/v1/` and the body. */
  readonly method: string
  readonly path: string
  readonly body: object
  /** Whether the workspace shows that nothing was written since a time, an ISO 8601 time of Notion. */
  nothingWrittenSince(time: string): Promise<boolean>
}

/**
 * Returns what a write returned, or, where Notion began a task for it, what the task returned once it is done. A refusal
 * becomes the error that the write would have had, if the workspace shows that nothing was written: a task can be refused
 * after a part of it. Otherwise, and where its end cannot be seen in time, throws OutcomeUnknownError with the id of the
 * task.
 *
 * @see https://developers.notion.com/reference/retrieve-an-async-task
 */
export async function whenDone<Body extends object>(
  call: NotionCall,
  answered: Body,
  write: BackgroundWrite,
  about: About,
): Promise<Body> {
  const begun = toObject(answered)
  if (begun.object !== 'async_task') return answered
  const task_id = textAt(begun, 'id') ?? ''
  let task = begun
  try {
    while (textAt(task, 'status') !== 'succeeded' && textAt(task, 'status') !== 'failed') {
      const asked = Number(task.poll_after_seconds) * 1000 || pauses.min
      await call.pause(Math.min(Math.max(asked, pauses.min), pauses.max))
      task = toObject(await call.read((notion) => notion.asyncTasks.retrieve({ task_id })))
    }
  } catch (error) {
    throw unknownEnd(task_id, error instanceof ToolError ? error.message : 'The call took too long.')
  }
  if (isObject(task.result)) return task.result as Body
  const refused = objectAt(task, 'error')
  const status = typeof refused.status === 'number' ? refused.status : 500
  const code = textAt(refused, 'code')
  const message = textAt(refused, 'message') ?? 'The task failed.'
  if (status >= 500 || !(await isUnwritten(write, textAt(begun, 'created_time')))) throw unknownEnd(task_id, message)
  if ((status === 409 && code !== databaseFull) || status === 429)
    throw new ProviderError(message, { status, code, retryable: true })
  const request = { method: write.method, path: write.path, hasQuery: false, sent: JSON.stringify(write.body) }
  const refusal = { request, status, code, message, requestId: null, blockLimit: false, saved: null }
  return call.bodyOf<Body>({ refusal }, about)
}

async function isUnwritten(write: BackgroundWrite, since: string | null): Promise<boolean> {
  if (since === null) return false
  try {
    return await write.nothingWrittenSince(since)
  } catch (error) {
    if (error instanceof ToolError) return false
    throw error
  }
}

const unknownEnd = (taskId: string, reason: string) =>
  new OutcomeUnknownError(`Notion writes in the background (${taskId}), and the end of it is not known: ${reason}`, {
    committedIds: [],
    hint: `Do not repeat the call. Call notion_async_task_fetch with task_id ${taskId} to see whether it is done.`,
  })
