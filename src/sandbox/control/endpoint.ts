import { z } from 'zod'
import type { Answer, SandboxRequest } from '../exchange.ts'
import { jsonAnswer, parseJsonBody } from '../exchange.ts'
import type { RequestLog } from '../request-log.ts'
import type { ControlTargets } from './operations.ts'
import { BadControlParameters, controlOperations } from './operations.ts'

/** Where the control interface is, below the base path. */
export const controlPath = '/_control'

/** The operations with their parameters as JSON Schema. */
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
 * Browsers say where a request comes from: a page of another site must not be able to steer the sandbox. Programs send
 * no such header.
 */
function isFromElsewhere(request: SandboxRequest): boolean {
  const { origin, host } = request.headers
  return origin !== undefined && (!URL.canParse(origin) || new URL(origin).host !== host)
}

/** Answers `/_control`, `/_control/log` and `/_control/<operation>`. */
export async function answerControl(
  targets: ControlTargets,
  log: RequestLog,
  request: SandboxRequest,
): Promise<Answer> {
  if (isFromElsewhere(request)) return refused('Requests from pages of other sites are refused.')
  const name = request.path.slice(controlPath.length + 1)
  if (request.method === 'GET' && name === '') return jsonAnswer(200, listing())
  if (request.method === 'GET' && name === 'log') return jsonAnswer(200, { requests: log.entries() })

  const operation = Object.hasOwn(controlOperations, name) ? controlOperations[name] : undefined
  if (request.method !== 'POST' || !operation) {
    return refused(`There is no control operation ${request.method} ${name || '(none)'}.`)
  }
  const parsed = parseJsonBody(request.body)
  if (!parsed.ok) return refused('The body should be a JSON object.')
  try {
    return jsonAnswer(200, { ok: true, ...(await operation.run(targets, parsed.value ?? {})) })
  } catch (error) {
    if (error instanceof z.ZodError) return refused(`${name}: ${z.prettifyError(error)}`)
    if (error instanceof BadControlParameters) return refused(`${name}: ${error.message}`)
    throw error
  }
}
