import { z } from 'zod'

/** A whole number in decimal digits; `fallback` where the variable is absent. */
export const wholeNumber = (least: number, most: number, fallback: number) =>
  z
    .string()
    .regex(/^\d+$/, 'has to be a whole number')
    .transform(Number)
    .refine((value) => value >= least && value <= most, `has to be between ${least} and ${most}`)
    .default(fallback)

/** An http or https URL that paths are appended to; final slashes are taken off. */
export const baseUrl = z
  .string()
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'has to be an http or https URL')
  .refine(
    (text) => !URL.canParse(text) || new URL(text).search + new URL(text).hash === '',
    'takes no query and no fragment',
  )
  .refine(
    (text) => !URL.canParse(text) || new URL(text).username + new URL(text).password === '',
    'takes no user name and no password',
  )
  .transform((text) => text.replace(/\/+$/, ''))

/** Whether a text is an origin as browsers write it, such as https://app.example.com. */
export const isOrigin = (text: string) => URL.canParse(text) && new URL(text).origin === text

/** Texts with commas between them. */
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean),
)
