/** The Castagnoli polynomial, its bits reversed. */
const polynomial = 0x82f63b78

/**
 * CRC-32C (RFC 3720, appendix B.4) of a short text of bytes, as an unsigned number. Node's own `zlib.crc32` is of another
 * polynomial. Bit by bit: what is checked here has some hundred bytes.
 */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? polynomial : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
