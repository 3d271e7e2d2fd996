import { isIP } from 'node:net'
import { createNetworkList } from '../networks.ts'

/**
 * Returns a function that finds the address of a client. Without trusted proxies it is the peer's. A trusted proxy is
 * believed about the address before it: the last entry of X-Forwarded-For that no trusted proxy has is the client's.
 * Everything before that entry comes from the client, which can write what it wants.
 *
 * `trustedProxies` are addresses, or networks in CIDR notation (RFC 4632 section 3.1).
 */
export function createClientAddress(
  trustedProxies: readonly string[],
): (peer: string | null, forwardedFor: string | null) => string | null {
  const trusted = createNetworkList(trustedProxies)
  return (peer, forwardedFor) => {
    if (peer === null || forwardedFor === null) return peer
    let address = peer
    for (const entry of forwardedFor.split(',').reverse()) {
      const before = addressIn(entry.trim())
      if (before === null || !trusted.includes(address)) break
      address = before
    }
    return address
  }
}

/** Returns the address of an entry, which some proxies write with the port. */
function addressIn(entry: string): string | null {
  const [, withPort = entry] = /^(?:\[([\da-f:.]+)\]|([\d.]+))(?::\d+)?$/i.exec(entry)?.filter(Boolean) ?? []
  return isIP(withPort) === 0 ? null : withPort
}
