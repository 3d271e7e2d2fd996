import * as z from 'zod'
import type { Answer, SandboxRequest } from '../exchange.ts'
import { jsonAnswer, parseJsonBody } from '../exchange.ts'
import type { RequestLog } from '../request-log.ts'
import { BadControlParameters, type ControlTargets } from './operation.ts'
import { controlOperations } from './operations.ts'

/** Path of the control interface below the base path. */
export const controlPath = '/_control'

/** Returns the operations with their parameters as JSON Schema. */
function listing() {
  const operations = Object.entries(controlOperations).map(([name, { description, parameters }]) => ({
    name,
    description,
    request: `POST ${controlPath}/${name}`,
    parameters: z.toJSONSchema(parameters, { io: 'input' }),
  }))
  return { operations, log: `GET ${controlPath}/log` }
}

function refused(message: string): Answer {
  const operations = Object.keys(controlOperations)
  return jsonAnswer(400, { error: message, operations: [...operations, 'log (GET)'] })
}

/**
 * Returns whether a browser sends the request for a page of another site, which must not control the sandbox. Programs
 * send no Origin header.
 */
function isCrossOrigin(request: SandboxRequest): boolean {
  const { origin, host } = request.headers
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)
}

/** Handles `/_control`, `/_control/log` and `/_control/<operation>`. Returns 400 with the reason for invalid requests. */
export async function answerControl(
  targets: ControlTargets,
  log: RequestLog,
  request: SandboxRequest,
): Promise<Answer> {
  if (isCrossOrigin(request)) return refused('Requests from pages of other origins are not allowed.')
  const name = request.path.slice(controlPath.length + 1)
  if (request.method === 'GET' && name === '') return jsonAnswer(200, listing())
  if (request.method === 'GET' && name === 'log') return jsonAnswer(200, { requests: log.entries() })

  const operation = Object.hasOwn(controlOperations, name) ? controlOperations[name] : undefined
  if (request.method !== 'POST' || !operation) {
    return refused(`Unknown control operation ${request.method} ${name || '(none)'}.`)
  }
  const parsed = parseJsonBody(request.body)
  if (!parsed.ok) return refused('The body must be a JSON object.')
  try {
    return jsonAnswer(200, { ok: true, ...(await operation.run(targets, parsed.value ?? {})) })
  } catch (error) {
    if (error instanceof z.ZodError) return refused(`${name}: ${z.prettifyError(error)}`)
    if (error instanceof BadControlParameters) return refused(`${name}: ${error.message}`)
    throw error
  }
}
