import { isLoopback } from '../application-url.ts'
import { createNetworkList } from '../networks.ts'

const loopback = createNetworkList(['127.0.0.0/8', '::1/128'])

/**
 * Whether a request comes from this machine: the connection and the host name are local, because another site may have a
 * name that resolves to this machine, and no proxy or tunnel is in between. `address` is that of the connection.
 */
export function isFromThisMachine({ url, headers }: Request, address: string | null): boolean {
  const isForwarded = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'via'].some((name) => headers.has(name))
  return address !== null && loopback.includes(address) && isLoopback(new URL(url).hostname) && !isForwarded
}
