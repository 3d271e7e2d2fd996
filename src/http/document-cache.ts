import { LRUCache } from 'lru-cache'

/**
 * Characters of all texts in one cache. A parsed document takes up to 250 bytes for each of them, when it selects fields of one
 * letter, and so a cache up to 100 MB.
 */
const maxCharacters = 400_000

/** A longer text is parsed each time: it is likely to hold values, and not to come again. */
const maxTextCharacters = 50_000

/**
 * Returns a cache of what was made of the texts of GraphQL documents, in place of yoga's: that one holds 1,024 documents
 * whatever their size, also of callers without a credential.
 */
export const documentCache = <Value extends object>(): LRUCache<string, Value> =>
  new LRUCache<string, Value>({
    maxSize: maxCharacters,
    maxEntrySize: maxTextCharacters,
    sizeCalculation: (_value, text) => Math.max(1, text.length),
  })
