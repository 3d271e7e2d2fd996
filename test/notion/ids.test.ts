import { describe, expect, it } from 'vitest'
import { type IdKind, notionId, toUuid } from '../../src/notion/ids.ts'
import { isUuid } from '../../src/uuid.ts'
import fc from '../support/fast-check.ts'

const hex = 'a1b2c3d4e5f67890abcdef1234567890'
const uuid = 'a1b2c3d4-e5f6-7890-abcd-ef1234567890'
const other = '0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f'
const otherUuid = toUuid(other)

describe('ids and links', () => {
  it.each<[string, IdKind, string | null]>([
    [uuid, 'page', uuid],
    [hex, 'page', uuid],
    [` ${hex.toUpperCase()} `, 'page', uuid],
    [`https://www.notion.so/Title-of-it-${hex}`, 'page', uuid],
    [`https://www.notion.so/acme/Title-${hex}?v=${other}`, 'database', uuid],
    [`https://notion.com/${hex}?v=${other}&p=${hex}`, 'database', uuid],
    [`https://www.notion.so/acme/${other}?v=${other}&p=${hex}&pm=s`, 'page', uuid],
    [`https://www.notion.so/acme/${other}?v=${other}&p=${hex}&pm=s`, 'database', otherUuid],
    [`https://app.notion.com/p/Title-${hex}`, 'page', uuid],
    [`https://app.notion.com/p/Title-${uuid}`, 'page', uuid],
    [`https://acme.notion.site/Title-${hex}`, 'page', uuid],
    [`notion.so/${hex}`, 'page', uuid],
    [`https://www.notion.so/Page-${other}#${hex}`, 'block', uuid],
    [`https://www.notion.so/Page-${other}#${hex}`, 'page', otherUuid],
    [`https://www.notion.so/Page-${other}?d=${hex}`, 'discussion', uuid],
    [`https://www.notion.so/Page-${other}`, 'block', otherUuid],
    ['https://www.notion.so/', 'page', null],
    [`https://evil.example/Title-${hex}`, 'page', null],
    [`https://notion.so.evil.example/${hex}`, 'page', null],
    [`https://evilnotion.so/${hex}`, 'page', null],
    [`javascript:${hex}`, 'page', null],
    [`../${hex}`, 'page', null],
    [`${hex}0`, 'page', null],
    [`${uuid}/../x`, 'page', null],
    ['', 'page', null],
    [`https://www.notion.so/Page-${other}#${hex.slice(1)}`, 'block', null],
    [`https://www.notion.so/Page-${other}#${hex}0`, 'block', null],
    [`https://www.notion.so/Page-${other}#${hex.slice(1)}`, 'page', null],
    [`https://www.notion.so/acme/${other}?v=${other}&p=${hex.slice(1)}`, 'page', null],
    [`https://www.notion.so/acme/${other}?v=${other}&p=${hex.slice(1)}`, 'database', null],
    [`https://www.notion.so/acme/${other}?v=${other}&p=`, 'block', null],
    [`https://www.notion.so/acme/${other}?p=${hex}&p=${other}`, 'page', null],
    [`https://www.notion.so/Page-${other}?d=${hex.slice(1)}`, 'discussion', null],
    [`https://www.notion.so/acme/${other}?v=${hex.slice(1)}`, 'database', null],
    [`https://www.notion.so/deadbeef-${hex.slice(8)}`, 'page', null],
    [`https://www.notion.so/Page-${hex.slice(1)}`, 'page', null],
    [`user://${uuid}`, 'user', uuid],
    [`user://${uuid}`, 'page', null],
    [`user://${uuid.slice(1)}`, 'user', null],
    [`page ${uuid}`, 'page', uuid],
    [`page ${uuid}`, 'block', uuid],
    [`page ${uuid}`, 'database', null],
    [`data_source ${uuid}`, 'database', uuid],
  ])('reads %s as a %s', (text, kind, expected) => {
    expect(notionId(text, kind)).toBe(expected)
  })

  it('returns a UUID or null for any string', () => {
    const kinds = fc.constantFrom<IdKind>('page', 'database', 'block', 'discussion', 'user')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.uuid().map((id) => `https://notion.so/x-${id}?a=%`),
        ),
        kinds,
        (text, kind) => {
          const id = notionId(text, kind)
          expect(id === null || (isUuid(id) && toUuid(id) === id)).toBe(true)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('returns the same id for every spelling', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        const bare = id.replaceAll('-', '')
        for (const text of [id, bare, id.toUpperCase(), `https://notion.so/A-b-${bare}`])
          expect(notionId(text, 'page')).toBe(id)
      }),
    )
  })
})
