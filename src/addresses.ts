import type { Config } from './config.ts'

/** Where this process can be reached. The ports are known once it listens. */
export interface Addresses {
  port: number
  sandboxPort: number
  localUrl(): string
  publicUrl(): string
  sandboxUrl(): string
}

/** Returns the addresses of a configuration. Its ports are set when the servers listen. */
export function createAddresses(config: Config): Addresses {
  return {
    port: config.port,
    sandboxPort: 0,
    localUrl() {
      return localUrl(config.host, this.port)
    },
    publicUrl() {
      return config.publicUrl ?? `http://localhost:${this.port}`
    },
    sandboxUrl() {
      return `http://127.0.0.1:${this.sandboxPort}`
    },
  }
}

/** Where this machine reaches a server that listens on a host. Wildcard addresses cannot be connected to. */
export const localUrl = (host: string, port: number) => `http://${loopbackOf(host)}:${port}`

function loopbackOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}
