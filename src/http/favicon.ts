/** A white key on green, 32 × 32 pixels: the icon of all pages, which browsers request without a link to it. */
const icon = Buffer.from(
  `iVBORw0KGgoAAAANSUhEUgAAACAAAAAgCAYAAABzenr0AAAAXElEQVR4nGNgGAVQIBKs+5+eePA4gN4WYzhkyDiAEBi+DiAVDB8HkGowuQ4ZdcDw
dQAhMOqA4e8AQuoGvwMoDdrh4wBiHUKqOUPPAbTCow4YeAcMeMdk0DhgxAIA375VZve/sxMAAAAASUVORK5CYII=`,
  'base64',
)

/** Returns the icon as a PNG: not all browsers take others at /favicon.ico. */
export function faviconResponse(): Response {
  return new Response(icon, { headers: { 'content-type': 'image/png', 'cache-control': 'public, max-age=86400' } })
}
