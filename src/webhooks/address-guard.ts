import dns from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import type { buildConnector } from 'undici'
import { isHost, isLoopback } from '../application-url.ts'
import { createNetworkList } from '../networks.ts'
import { createFetch, type Fetch } from '../provider-http.ts'

/** Which addresses webhooks may be sent to. */
export interface AddressGuard {
  /**
   * Returns why a URL can never be called, as a rule that it breaks, or null. Host names are not resolved here: their
   * addresses are checked for each connection.
   */
  problemOf(url: URL): string | null
  /** Sends a request if the address that it connects to is allowed. Fails with {@link notAllowed} otherwise. */
  readonly fetch: Fetch
}

/** The code of the network error for an address that is not allowed. */
export const notAllowed = 'ERR_ADDRESS_NOT_ALLOWED'

/**
 * Networks within the public ranges that are not reachable in public, or lead to other addresses.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry
 * @see https://www.iana.org/assignments/iana-ipv6-special-registry
 */
const specialNetworks = createNetworkList([
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
  // The metadata service of Azure.
  '168.63.129.16',
  // Teredo and other protocol assignments, documentation, 6to4: 6to4 and Teredo addresses contain IPv4 addresses.
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
])
const globalIPv6 = createNetworkList(['2000::/3'])
const nat64 = createNetworkList(['64:ff9b::/96'])
const mapped = createNetworkList(['::ffff:0:0/96'])

/** Returns the IPv4 address in an IPv4-mapped or NAT64 (RFC 6052) address, otherwise the address itself. */
function embedded(address: string): string {
  // BlockList compares mapped addresses with IPv4 networks too, and so do the callers of this function.
  if (isIP(address) !== 6 || !(nat64.includes(address) || mapped.includes(address))) return address
  const [first = '', second = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split(':').slice(-2)
  const bytes = [first, second].flatMap((part) => {
    const value = Number.parseInt(part === '' ? '0' : part, 16)
    return [value >> 8, value & 255]
  })
  return bytes.join('.')
}

/** Whether an IP address is reachable over the public internet. */
export function isPublicAddress(address: string): boolean {
  const actual = embedded(address)
  const family = isIP(actual)
  return family !== 0 && !specialNetworks.includes(actual) && (family === 4 || globalIPv6.includes(actual))
}

/**
 * Creates the guard of webhooks: only public addresses over https, and addresses in `privateNetworks` also over http. The
 * address that is checked is the one that the connection is opened to, so that a name which resolves to another address
 * later changes nothing. A redirect is not followed by {@link Fetch}. `lookup` resolves host names.
 */
export function createAddressGuard(
  privateNetworks: readonly string[],
  lookup: typeof dns.lookup = dns.lookup,
): AddressGuard {
  const permitted = createNetworkList(privateNetworks)
  const isPrivate = (address: string) => permitted.includes(address) || permitted.includes(embedded(address))
  const isAllowed = (address: string, protocol: string) =>
    isPrivate(address) || (protocol === 'https:' && isPublicAddress(address))

  const lookupFor =
    (protocol: string): LookupFunction =>
    (hostname, options, callback) => {
      lookup(hostname, { ...options, all: true }, (error, addresses) => {
        if (error) return callback(error, '')
        const allowed = addresses.filter(({ address }) => isAllowed(address, protocol))
        const [first] = allowed
        if (first === undefined) return callback(refusal(), '')
        if (options.all) return callback(null, allowed)
        callback(null, first.address, first.family)
      })
    }

  return {
    problemOf({ protocol, hostname }) {
      const host = isLoopback(hostname) && isIP(hostname) === 0 && hostname !== '[::1]' ? '127.0.0.1' : hostname
      const address = host.replace(/^\[|\]$/g, '')
      if (isIP(address) === 0)
        return protocol === 'https:' || privateNetworks.length > 0 ? null : 'must be an https URL'
      if (isAllowed(address, protocol)) return null
      return isPublicAddress(address) ? 'must be an https URL' : 'must have a public address'
    },
    fetch: createFetch(({ Agent, buildConnector: build }) => {
      const connectors = new Map(
        ['http:', 'https:'].map((protocol) => [protocol, build({ lookup: lookupFor(protocol) })] as const),
      )
      const connect: buildConnector.connector = (options, callback) => {
        const { hostname, protocol } = options
        const connector = connectors.get(protocol)
        // Sockets connect to literal addresses without a lookup.
        const isRefused = !isHost(hostname) || (isIP(hostname) !== 0 && !isAllowed(hostname, protocol))
        if (!connector || isRefused) callback(refusal(), null)
        else connector(options, callback)
      }
      return new Agent({ connect })
    }),
  }
}

const refusal = () => Object.assign(new Error('The address is not allowed.'), { code: notAllowed })
