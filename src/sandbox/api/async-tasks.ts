/**
 * Writes in the background: requests with `allow_async`.
 *
 * @see https://developers.notion.com/reference/retrieve-an-async-task
 */
import type { CallContext } from '../context.ts'
import { errorEnvelope, NotionApiError, objectNotFound } from '../errors.ts'
import type { AsyncTask, JsonObject } from '../model.ts'
import { timestamp } from '../render/frame.ts'
import { boolean, InvalidInput } from '../validation/check.ts'
import { bodyOf, optionalField, refusal } from './endpoint.ts'

/** How long a task can be read, in milliseconds. */
const lifetimeMs = 24 * 60 * 60_000

/** Polls after which a task is done, so that clients meet each status whatever the time. */
const pollsUntilDone = 2

/** Whether a request allows an answer before it is done. Only requests with markdown do. */
export function allowsAsync(context: CallContext): boolean {
  return optionalField(bodyOf(context), 'allow_async', boolean) === true
}

/**
 * Runs a write as a task and returns the task. A write that is refused for the state of the content fails as a task; a
 * request that is not valid is refused at once.
 */
export function asTask(context: CallContext, name: string, write: () => unknown): unknown {
  const task: AsyncTask = {
    id: `task_${context.newId().replaceAll('-', '')}`,
    grantId: context.access.grant.id,
    name,
    createdTime: context.now().getTime(),
    polls: 0,
    ...outcomeOf(context, write),
  }
  context.store.asyncTasks.put(task)
  return render(context, task)
}

function outcomeOf(context: CallContext, write: () => unknown): Pick<AsyncTask, 'result' | 'error'> {
  try {
    return { result: write() as JsonObject, error: null }
  } catch (error) {
    const refused = error instanceof InvalidInput ? refusal(error) : error
    if (!(refused instanceof NotionApiError) || refused.message.startsWith('body failed validation')) throw error
    const { request_id: _id, ...envelope } = errorEnvelope(refused, context.requestId) as JsonObject
    return { result: null, error: envelope }
  }
}

function render(context: CallContext, task: AsyncTask): unknown {
  const frame = {
    object: 'async_task',
    id: task.id,
    status_url: `${context.publicUrl}/v1/async_tasks/${task.id}`,
    created_time: timestamp(task.createdTime),
    operation: { surface: 'rest', name: task.name },
  }
  if (task.polls < pollsUntilDone) {
    return { ...frame, status: task.polls === 0 ? 'queued' : 'running', poll_after_seconds: 1 }
  }
  return task.error === null
    ? { ...frame, status: 'succeeded', result: task.result }
    : { ...frame, status: 'failed', error: task.error }
}

/** `GET /v1/async_tasks/{task_id}`. */
export function retrieveAsyncTask(context: CallContext): unknown {
  const id = context.params.task_id ?? ''
  const task = context.store.asyncTasks.get(id)
  const isOver = task !== undefined && task.createdTime + lifetimeMs < context.now().getTime()
  if (task?.grantId !== context.access.grant.id || isOver) {
    throw objectNotFound('async task', id, context.access.client.name)
  }
  const polled = { ...task, polls: task.polls + 1 }
  context.store.asyncTasks.put(polled)
  return render(context, polled)
}
