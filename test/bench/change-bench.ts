import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { signWebhookPayload } from '@notionhq/client'
import { userOf, workspaceId } from './notion-bodies.ts'
import type { UpstreamCounts, UpstreamQuestion } from './processes/upstream.ts'
import { rounded } from './report.ts'
import type { Process, Run } from './run.ts'
import { identifierOf, readWebhook, searchResults, type Valetkey } from './valetkey.ts'

/** A page that the index of an account has. */
export interface IndexedPage {
  readonly account: number
  readonly id: string
  readonly title: string
}

/** How long a search may take to find a changed page before the bench fails, in milliseconds. */
const maxMs = 60_000

/**
 * Changes pages, one after the other, each of another account. Returns the seconds from the request of Notion's webhook to the
 * first search that finds the new text, of the page that took the longest.
 */
export async function measureChanges(
  run: Run,
  { server, upstream }: { readonly server: Valetkey; readonly upstream: Process },
  pages: readonly IndexedPage[],
): Promise<number> {
  run.note('changing pages')
  const token = `secret_${randomBytes(16).toString('hex')}`
  const url = await readWebhook(server)
  await send(url, { verification_token: token }, null)
  // As an operator does, who enters the token in Notion's portal: no event is accepted before.
  await readWebhook(server)
  let longest = 0
  for (const { account, id, title } of pages) {
    run.signal.throwIfAborted()
    const word = `changed${randomBytes(6).toString('hex')}`
    await upstream.ask<UpstreamCounts>({
      changed: { id, title, text: `The page was ${word}.`, editedAt: new Date().toISOString() },
    } satisfies UpstreamQuestion)
    const began = performance.now()
    await send(url, contentUpdated(account, id), token)
    while (!(await searchResults(server, identifierOf(account), word)).has(id)) {
      if (performance.now() - began > maxMs) throw new Error('A search does not find a page that has changed.')
      await sleep(200, undefined, run)
    }
    longest = Math.max(longest, performance.now() - began)
  }
  return rounded(longest / 1_000, 1)
}

const integrationId = randomUUID()

/** @see https://developers.notion.com/reference/webhooks-events-delivery */
const contentUpdated = (account: number, pageId: string) => ({
  id: randomUUID(),
  timestamp: new Date().toISOString(),
  workspace_id: workspaceId,
  subscription_id: randomUUID(),
  integration_id: integrationId,
  type: 'page.content_updated',
  authors: [{ id: userOf(account), type: 'person' }],
  accessible_by: [{ id: userOf(account), type: 'person' }],
  attempt_number: 1,
  api_version: '2026-03-11',
  entity: { id: pageId, type: 'page' },
  data: { parent: { id: workspaceId, type: 'space' }, updated_blocks: [] },
})

/** Sends a request to the webhook's URL, as Notion does; `token` is null for the one that brings the token. */
async function send(url: string, content: object, token: string | null): Promise<void> {
  const body = JSON.stringify(content)
  const signed =
    token === null ? {} : { 'x-notion-signature': await signWebhookPayload({ body, verificationToken: token }) }
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signed },
    body,
  })
  if (!response.ok) throw new Error(`The webhook was answered with ${response.status}: ${await response.text()}`)
}
