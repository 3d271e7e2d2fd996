/** The backgrounds of the sheet that pages are on. */
const sheets = { light: '#ffffff', dark: '#1c2420' } as const

/**
 * Returns the style of an application's color for links that are buttons. Their text is black or white, whichever has the
 * higher contrast, which is at least 4.58:1 for every color (WCAG 2.2 success criterion 1.4.3 requires 4.5:1). Where the
 * color has less than 3:1 to the sheet (1.4.11), the button has an edge. Empty for what is not a color.
 *
 * @see https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
 */
export function accentStyle(color: string | null): string {
  if (color === null || !/^#[0-9a-f]{6}$/i.test(color)) return ''
  const text = contrast(color, '#ffffff') >= contrast(color, '#000000') ? '#ffffff' : '#000000'
  const edge = (sheet: string) => (contrast(color, sheet) < 3 ? 'var(--quiet)' : color)
  return `:root { --accent: ${color}; --on-accent: ${text}; --edge: ${edge(sheets.light)} }
@media (prefers-color-scheme: dark) { :root { --edge: ${edge(sheets.dark)} } }
`
}

/** Returns the contrast ratio of two colors, from 1 to 21. */
export function contrast(one: string, other: string): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b)
  return (lighter + 0.05) / (darker + 0.05)
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(color.slice(at, at + 2), 16) / 255
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
