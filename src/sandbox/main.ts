import { parseArgs } from 'node:util'
import { SandboxDataError, startSandboxServer } from './server.ts'

const usage = `A local Notion for development and tests.

npm run sandbox -- [options]

  --port <number>  Port to listen on. 0 selects a free port. Default: 4010
  --host <name>    Address to listen on. Default: 127.0.0.1
  --data <dir>     Directory for content and tokens. Default: none, data is in memory
  --reset          Delete the content of the data directory before the start
  --help           Show this help
`

interface Arguments {
  readonly port: number
  readonly host: string
  readonly data: string | undefined
  readonly reset: boolean
}

/** Prints an error and exits with code 1. */
function fail(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

function readArguments(): Arguments {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '4010' },
        host: { type: 'string', default: '127.0.0.1' },
        data: { type: 'string' },
        reset: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      process.stdout.write(usage)
      process.exit(0)
    }
    const port = Number(values.port)
    if (!/^\d+$/.test(values.port) || port > 65_535)
      fail(`--port must be a number from 0 to 65535. Received "${values.port}".`)
    return { port, host: values.host, data: values.data, reset: values.reset }
  } catch (error) {
    fail(`${(error as Error).message}\n\n${usage}`)
  }
}

function example(url: string): string {
  return `
  import { Client } from '@notionhq/client'
  const notion = new Client({ baseUrl: '${url}', notionVersion: '2026-03-11' })
  const oauth = { client_id: 'my-app', client_secret: 'anything', grant_type: 'authorization_code' }
  const { access_token } = await notion.oauth.token({ ...oauth, code, redirect_uri })
  console.log(await notion.search({ auth: access_token, query: 'roadmap' }))

To get a code, open this page in a browser, or send a POST request to it:
  ${url}/v1/oauth/authorize?client_id=my-app&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%2Fcallback
Control operations, such as faults and token expiry: ${url}/_control
`
}

/** Returns what the terminal shows of an error at start. */
function messageOf(error: unknown, { port, host }: Arguments): string {
  if (error instanceof SandboxDataError) return error.message
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return `Port ${port} on ${host} is in use. Select another port with --port.`
  return `Cannot listen on ${host}: ${message}`
}

async function main(): Promise<void> {
  const given = readArguments()
  const server = await startSandboxServer({
    port: given.port,
    host: given.host,
    reset: given.reset,
    logger: {
      warn: (message) => process.stderr.write(`${message}\n`),
      error: (message, error) => process.stderr.write(`${message} ${String(error)}\n`),
    },
    ...(given.data !== undefined && { dataDirectory: given.data }),
  }).catch((error: unknown) => fail(messageOf(error, given)))
  process.stdout.write(`Notion sandbox on ${server.url}\n${example(server.url)}`)

  let stopping = false
  const stop = () => {
    if (stopping) process.exit(1)
    stopping = true
    server.close().catch((error: unknown) => fail(String(error)))
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
}

await main()
