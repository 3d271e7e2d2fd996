// Loaded into an outside program with --import: what it sends to Notion goes to the sandbox. The program is not changed.
import http from 'node:http'
import https from 'node:https'
import { syncBuiltinESMExports } from 'node:module'

const sandbox = new URL(process.env['NOTION_SANDBOX_URL'] ?? '')
const request = https.request

https.request = (first, ...rest) => {
  const isUrl = typeof first === 'string' || first instanceof URL
  const address = isUrl ? new URL(first) : first
  if ((address.hostname ?? address.host) !== 'api.notion.com') return request(first, ...rest)
  const [options, ...others] = isUrl && typeof rest[0] === 'object' ? rest : [isUrl ? {} : first, ...rest]
  const path = isUrl ? `${address.pathname}${address.search}` : address.path
  const { hostname, port } = sandbox
  return http.request(
    {
      ...options,
      protocol: 'http:',
      agent: undefined,
      host: hostname,
      hostname,
      port,
      path: `${sandbox.pathname}${path}`,
    },
    ...others.filter((one) => typeof one === 'function'),
  )
}
syncBuiltinESMExports()

const send = globalThis.fetch
globalThis.fetch = (input, init) =>
  send(typeof input === 'string' ? input.replace(/^https:\/\/api\.notion\.com/, sandbox.href) : input, init)
