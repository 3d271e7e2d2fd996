import process from 'node:process'
import { type KyselyPlugin, UpdateQueryNode } from 'kysely'
import type { ConnectedAccount } from '../../src/accounts/connected-account.ts'
import type { AccountsContext } from '../../src/accounts/context.ts'
import { openAccount } from '../../src/accounts/grants/open-account.ts'
import { renewAccessToken } from '../../src/accounts/grants/renewal.ts'
import { createPairStore } from '../../src/accounts/grants/token-pair.ts'
import { systemClock } from '../../src/clock.ts'
import { createNotionOAuth } from '../../src/notion/oauth/notion-oauth.ts'
import { Secret } from '../../src/vault/secret.ts'
import { startNode } from '../grants/node.ts'
import { quickTiming } from '../support/accounts-context.ts'
import type { Answer, NodeSettings, Order } from './processes.ts'

/*
 * A node in a process of its own, driven over IPC. It can be killed on request, by SIGKILL and so without any tidying up, at
 * one of the points around a refresh.
 */

const die = () => process.kill(process.pid, 'SIGKILL')

/** Dies before or after the statement that claims a renewal or the one that stores its result. */
function dyingDatabase(at: NodeSettings['dieAt']): KyselyPlugin {
  const watched = new WeakSet<object>()
  const claimed = new WeakSet<object>()
  return {
    transformQuery({ node, queryId }) {
      if (!UpdateQueryNode.is(node)) return node
      const columns = new Set((node.updates ?? []).map((update) => JSON.stringify(update.column)))
      const sets = (name: string) => [...columns].some((column) => column.includes(`"name":"${name}"`))
      if (sets('access_token') && sets('last_verified_at')) {
        // The statement has left by then and may be anywhere between here and the disk.
        if (at === 'mid-commit') setImmediate(die)
        watched.add(queryId)
      } else if (sets('lease_owner') && sets('was_sending') && sets('fence')) {
        if (at === 'before lease') die()
        claimed.add(queryId)
      }
      return node
    },
    async transformResult({ result, queryId }) {
      if (at === 'after lease' && claimed.has(queryId)) die()
      if (at === 'after commit' && watched.has(queryId)) die()
      return result
    },
  }
}

/** Dies around the request to the token endpoint. */
function dyingFetch(at: NodeSettings['dieAt']): typeof fetch {
  return async (url, init) => {
    if (!String(url).endsWith('/v1/oauth/token')) return fetch(url, init)
    if (at === 'before send') die()
    const answering = fetch(url, init)
    if (at === 'after send') setImmediate(die)
    // The sandbox acts at once and answers later, as its latency is set.
    if (at === 'after server commit') setTimeout(die, 100)
    const answer = await answering
    if (at === 'after reply') die()
    return answer
  }
}

async function main(settings: NodeSettings): Promise<void> {
  if (settings.clockOffsetMs !== 0) {
    const realNow = Date.now
    Date.now = () => realNow() + settings.clockOffsetMs
  }
  const node = await startNode({
    location: settings.location,
    masterKey: new Secret(settings.masterKey),
    apiUrl: settings.apiUrl,
    timeoutMs: settings.timeoutMs,
    timing: { ...quickTiming, leaseMs: settings.leaseMs },
  })
  const provider = createNotionOAuth({ fetch: dyingFetch(settings.dieAt), timeoutMs: settings.timeoutMs })
  const db = node.context.db.withPlugin(dyingDatabase(settings.dieAt))
  const context: AccountsContext = {
    ...node.context,
    db,
    storePair: createPairStore(node.context, db, systemClock),
    providers: new Map([['notion', provider]]),
  }
  const open = (order: { readonly environmentId: string; readonly identifier: string }) =>
    openAccount(context, order.environmentId, { connectionName: 'notion', identifier: order.identifier })

  /** What a tool call does: use the token, and renew it once when it is refused. */
  const use = async (account: ConnectedAccount, accessToken: Secret | null): Promise<number> => {
    if (!accessToken || !account.grant) throw new Error(`${account.status} ${account.statusReason}`)
    const send = (token: Secret) =>
      fetch(`${settings.apiUrl}/v1/users/me`, {
        headers: { authorization: `Bearer ${token.reveal()}`, 'notion-version': '2026-03-11' },
      })
    let answer = await send(accessToken)
    await answer.arrayBuffer()
    if (answer.status === 200) return account.grant.version
    const renewed = await renewAccessToken(context, account, account.grant.version)
    answer = await send(renewed.accessToken)
    await answer.arrayBuffer()
    if (answer.status !== 200) throw new Error(`The renewed token was refused with ${answer.status}.`)
    return renewed.version
  }

  const carryOut = async (order: Order): Promise<unknown> => {
    if (order.kind === 'renew') {
      const { account } = await open(order)
      return (await renewAccessToken(context, account, account.grant?.version ?? 0)).version
    }
    const results = await Promise.allSettled(
      Array.from({ length: order.count }, async () => {
        const opened = await open(order)
        return use(opened.account, opened.accessToken)
      }),
    )
    return {
      versions: [...new Set(results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])))],
      failures: results.flatMap((result) => (result.status === 'rejected' ? [String(result.reason)] : [])),
    }
  }
  // Without its parent nothing would ever end it.
  process.on('disconnect', () => process.exit(1))
  process.on('message', (message: { id: number; order: Order }) => {
    carryOut(message.order).then(
      (value) => process.send?.({ id: message.id, value } satisfies Answer),
      (error: unknown) => process.send?.({ id: message.id, error: String(error) } satisfies Answer),
    )
  })
  process.send?.({ id: 0, value: 'ready' } satisfies Answer)
}

await main(JSON.parse(process.argv[2] ?? '{}') as NodeSettings)
