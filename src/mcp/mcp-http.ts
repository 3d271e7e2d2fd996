import {
  createMcpHandler,
  isJSONRPCRequest,
  isJsonContentType,
  isLegacyRequest,
  type JSONRPCRequest,
  type McpRequestContext,
  ProtocolErrorCode,
  type Server,
  SUPPORTED_PROTOCOL_VERSIONS,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server'
import { Response as PlainResponse } from '@whatwg-node/server'
import { maxRequestBytes } from '../bounded-body.ts'

/** The status for a client that has closed its connection: no one reads the answer. */
const clientLeft = 499

/**
 * Answers one request of streamable HTTP with a server of its own. A single request of the revisions of 2025 that asks for no
 * progress is answered as JSON: an event stream for one event takes a good part of the processor time of a call. The library
 * answers all others.
 */
export async function answerMcp(
  createServer: (context: McpRequestContext) => Server,
  request: Request,
  onerror: (error: Error) => void,
): Promise<Response> {
  const body = await bodyOf(request)
  if (body.kind === 'malformed') return refused(ProtocolErrorCode.ParseError, 'Parse error: Invalid JSON')
  // Only one of them would get an answer: answers are assigned by their IDs.
  if (body.kind === 'parsed' && hasRepeatedId(body.json))
    return refused(ProtocolErrorCode.InvalidRequest, 'The requests of a batch must have different IDs.')
  if (body.kind === 'parsed' && isObject(body.json) && !asksForProgress(body.json)) {
    if (await isLegacyRequest(request, body.json))
      return answerAsJson(createServer({ era: 'legacy', requestInfo: request }), request, body.json)
  }
  const handler = createMcpHandler(createServer, { maxRequestBodySize: maxRequestBytes, onerror })
  return handler.fetch(request, body.kind === 'parsed' ? { parsedBody: body.json } : {})
}

type Body = { readonly kind: 'unread' | 'malformed' } | { readonly kind: 'parsed'; readonly json: unknown }

/** Reads a body of a permitted length that is sent first. The library reads others, from a copy of the request. */
async function bodyOf(request: Request): Promise<Body> {
  const length = request.headers.get('content-length')
  const isReadable = request.method === 'POST' && isJsonContentType(request.headers.get('content-type'))
  if (!isReadable || length === null || !(Number(length) <= maxRequestBytes)) return { kind: 'unread' }
  const text = await request.text()
  try {
    return { kind: 'parsed', json: JSON.parse(text) }
  } catch {
    return { kind: 'malformed' }
  }
}

const refused = (code: ProtocolErrorCode, message: string) =>
  Response.json({ jsonrpc: '2.0', id: null, error: { code, message } }, { status: 400 })

/** Whether two requests of a batch (JSON-RPC 2.0 section 6) have the same ID. Responses of clients do not count. */
function hasRepeatedId(json: unknown): boolean {
  if (!Array.isArray(json)) return false
  const requests = json.filter((message) => isObject(message) && 'method' in message && 'id' in message)
  return new Set(requests.map(({ id }) => id)).size < requests.length
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function asksForProgress({ params }: Readonly<Record<string, unknown>>): boolean {
  if (!isObject(params)) return false
  const { _meta } = params
  return isObject(_meta) && 'progressToken' in _meta
}

async function answerAsJson(server: Server, request: Request, parsedBody: unknown): Promise<Response> {
  const { signal } = request
  // It may have left while its body was read.
  if (signal.aborted) return new Response(null, { status: clientLeft })
  const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true })
  const answered = new Promise<Response>((resolve) => {
    // Its own `send` makes a response of Node, whose body is a stream, and validates the message again.
    transport.send = async (message) => {
      if (!('method' in message)) resolve(jsonResponse(message))
    }
    const leave = () => {
      resolve(new Response(null, { status: clientLeft }))
      // Ends the call.
      server.close().catch(() => {})
    }
    signal.addEventListener('abort', leave, { once: true })
  })
  await server.connect(transport)
  if (isAcceptable(request, parsedBody)) {
    transport.onmessage?.(parsedBody, { request })
    return answered
  }
  // Resolves only for a request that never reaches the server, and for notifications.
  const handled = transport.handleRequest(request, { parsedBody })
  return Promise.race([answered, handled])
}

/**
 * Whether the transport would pass a message on to its server as it is. It validates each message five times to find that
 * out. What it refuses, and the beginning of a session, are left to it.
 */
function isAcceptable({ headers }: Request, message: unknown): message is JSONRPCRequest {
  const accept = headers.get('accept') ?? ''
  const revision = headers.get('mcp-protocol-version')
  return (
    accept.includes('application/json') &&
    accept.includes('text/event-stream') &&
    (revision === null || SUPPORTED_PROTOCOL_VERSIONS.includes(revision)) &&
    isJSONRPCRequest(message) &&
    message.method !== 'initialize'
  )
}

/** Returns a response whose body is sent as it is. */
const jsonResponse = (message: object): Response =>
  new PlainResponse(JSON.stringify(message), { headers: { 'content-type': 'application/json' } })
