import type { Scope, Viewer } from '../environments/viewer.ts'
import { InvalidToolInputError, UnknownToolError } from '../errors.ts'
import type { AnyTool, ToolCatalogue } from './tool.ts'

/** The credential may not run this kind of tool (RFC 6750 `insufficient_scope`). Each entrance says so in its own way. */
export class InsufficientScopeError extends Error {
  override readonly name = 'InsufficientScopeError'
  readonly scope: Scope

  constructor(toolName: string, scope: Scope) {
    super(`The tool "${toolName}" takes the scope ${scope}, which the credential lacks.`)
    this.scope = scope
  }
}

/** The tool of this name. Fails with an UnknownToolError that names the nearest ones. */
export function requireTool(catalogue: ToolCatalogue, name: string): AnyTool {
  const tool = catalogue.find(name)
  if (!tool) throw new UnknownToolError(name.slice(0, 100), catalogue.suggest(name))
  return tool
}

/** Fails with an {@link InsufficientScopeError} when the viewer may not run the tool. */
export function requireScope(viewer: Viewer, tool: AnyTool): void {
  const scope = tool.readOnly ? 'TOOLS_READ' : 'TOOLS_WRITE'
  if (!viewer.scopes.has(scope)) throw new InsufficientScopeError(tool.name, scope)
}

const longestKey = 255

/** The key, if it is one that can be kept: 1 to 255 characters without NUL. Fails with an InvalidToolInputError. */
export function checkIdempotencyKey(key: string): string {
  if (key !== '' && key.length <= longestKey && !key.includes('\0')) return key
  const message = `has to have 1 to ${longestKey} characters`
  throw new InvalidToolInputError([{ path: 'idempotencyKey', message }], 'Pass a shorter idempotency key, or none.')
}
