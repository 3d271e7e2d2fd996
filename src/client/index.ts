/*
 * `valetkey/client`: calls a Valetkey server from Node 18 or newer, Bun, Deno, workers and browsers. It needs `fetch` only.
 */
export * from './errors.ts'
export type { ToolInputs } from './tool-inputs.ts'
export type { Hooks, TransportOptions } from './transport.ts'
export type * from './types.ts'
export { Valetkey } from './valetkey.ts'
