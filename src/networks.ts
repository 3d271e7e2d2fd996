import { BlockList, isIP } from 'node:net'

/** Whether a string is an IP address, or a network in CIDR notation (RFC 4632 section 3.1). */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  const isLength = bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 6 ? 128 : 32))
  return family !== 0 && !address.includes('%') && isLength && rest.length === 0
}

/** A set of addresses. */
export interface NetworkList {
  /** Whether an address is in one of the networks. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) counts as IPv4. */
  includes(address: string): boolean
}

/** Creates the list of some networks; see {@link isNetwork}. */
export function createNetworkList(networks: readonly string[]): NetworkList {
  const list = new BlockList()
  for (const { address, bits, type } of networks.map(parse)) list.addSubnet(address, bits, type)
  return {
    includes: (address) => isIP(address) !== 0 && list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'),
  }
}

/** Whether every address of a network is in one of the others. */
export function isNetworkWithin(network: string, others: readonly string[]): boolean {
  const { address, bits, type } = parse(network)
  return others.some((other) => {
    const outer = parse(other)
    return outer.type === type && outer.bits <= bits && createNetworkList([other]).includes(address)
  })
}

function parse(network: string) {
  const [address = '', bits] = network.split('/')
  const type = isIP(address) === 6 ? 'ipv6' : 'ipv4'
  return { address, type, bits: Number(bits ?? (type === 'ipv6' ? 128 : 32)) } as const
}
