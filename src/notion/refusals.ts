import { InvalidToolInputError, OutcomeUnknownError, ProviderError, type ToolError } from '../errors.ts'
import { parseJsonObject } from '../provider-http.ts'
import { databaseFull, type Refusal } from './answer.ts'
import { issuesOf, type Refused } from './places.ts'

/** Returns what a refusal other than 403, 404 and 503 means for the caller. */
export function refusalError(refusal: Refusal, refused: Omit<Refused, 'body'>): ToolError {
  const { request, status, code, message, requestId } = refusal
  if (status === 400 && code === 'validation_error') {
    const issues = issuesOf(message, { ...refused, body: parseJsonObject(request.sent ?? '') })
    if (issues.length > 0) return new InvalidToolInputError(issues)
  }
  const hint = code === databaseFull ? 'The database is full. Delete rows, or write to another database.' : undefined
  return new ProviderError(message, { status, code, requestId, retryable: false, ...(hint !== undefined && { hint }) })
}

/** Returns the error for a change that was saved and could not be read again. */
export function savedWithoutAnswer(refusal: Refusal): OutcomeUnknownError {
  const ids = committedIds(refusal)
  return new OutcomeUnknownError(
    ids.length > 0
      ? `Notion saved the change (${ids.join(', ')}) and did not answer in time.`
      : 'Notion saved the change and did not answer in time.',
    { committedIds: ids, hint: 'Do not repeat the call: the change is saved. Read the object to see it.' },
  )
}

/** The ids that Notion named as written: the children, or the object itself. */
function committedIds(refusal: Refusal): readonly string[] {
  if (refusal.saved === null) return []
  if (refusal.saved.childIds.length > 0) return refusal.saved.childIds
  return refusal.saved.resourceId === null ? [] : [refusal.saved.resourceId]
}
