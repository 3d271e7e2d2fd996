/**
 * Checks of files, icons and covers in requests.
 *
 * @see https://developers.notion.com/reference/file-object
 */
import type { JsonObject } from '../model.ts'
import { anyObject, branchOf, type Check, mapped, mismatch, object, oneOf, optional, string } from './check.ts'
import { customEmoji, url, webAddress } from './rich-text.ts'
import { uuid } from './scalars.ts'

const external = object({ url: webAddress })
const uploaded = object({ id: uuid })
const ownIcon = object({
  name: string({ min: 1 }),
  color: optional(oneOf('gray', 'lightgray', 'brown', 'yellow', 'orange', 'green', 'blue', 'purple', 'pink', 'red')),
})
const hosted = object({ url, expiry_time: optional(string()) })
const emoji = mapped(string(), (value, path) => {
  if (!/^\p{Extended_Pictographic}|\p{Regional_Indicator}|^[#*0-9]\uFE0F?\u20E3/u.test(value)) {
    throw mismatch(path, ['a valid emoji'], value)
  }
  return value
})

/** Returns a file of this kind in the stored format. */
function readFile(kind: string, value: unknown, path: string): JsonObject {
  switch (kind) {
    case 'external':
      return { type: kind, external: external.read(value, path) }
    case 'file_upload':
      return { type: kind, file_upload: uploaded.read(value, path) }
    case 'emoji':
      return { type: kind, emoji: emoji.read(value, path) }
    case 'icon':
      return { type: kind, icon: { color: 'gray', ...ownIcon.read(value, path) } }
    case 'custom_emoji':
      return { type: kind, custom_emoji: { ...customEmoji.read(value, path) } }
    default:
      return { type: 'file', file: { ...hosted.read(value, path) } }
  }
}

function fileCheck<const K extends string>(kinds: readonly K[]): Check<JsonObject> {
  return {
    expected: ['an object'],
    read(value, path, also) {
      const source = anyObject.read(value, path, also)
      const { kind } = branchOf(source, path, kinds, { closed: false })
      return readFile(kind, source[kind], `${path}.${kind}`)
    },
  }
}

/** Checks the icon of a page, database or callout. */
export const icon = fileCheck(['file_upload', 'emoji', 'external', 'custom_emoji', 'icon'] as const)

/** Checks the cover of a page or database. */
export const cover = fileCheck(['file_upload', 'external'] as const)

/** Kinds of file in media blocks. */
export const mediaKinds = ['external', 'file_upload'] as const

/** Checks the file of a media block, without its caption and name. */
export const mediaFile = fileCheck(mediaKinds)

const propertyFileKinds = ['file', 'external', 'file_upload'] as const
const namedFile = fileCheck(propertyFileKinds)
const name = string({ min: 1, max: 100 })

/** Checks an element of a files property. The name is required, except for an upload. */
export const propertyFile: Check<JsonObject> = {
  expected: ['an object'],
  read(value, path) {
    const source = anyObject.read(value, path)
    const { kind } = branchOf(source, path, propertyFileKinds, { otherKeys: ['name'] })
    const file = namedFile.read(source, path)
    if (kind === 'file_upload' && source.name === undefined) return file
    return { name: name.read(source.name, `${path}.name`), ...file }
  },
}
