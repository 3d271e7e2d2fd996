import DataLoader from 'dataloader'
import type { Viewer } from '../environments/viewer.ts'
import { isUuid } from '../uuid.ts'
import { builder } from './builder.ts'
import type { GraphQLContext } from './context.ts'

/**
 * Returns a function that loads values by id: one call of `load` for all ids that the fields of an operation need at the same
 * time. It returns a value or an error for each id, in their order.
 *
 * Loaders batch and do not cache, because a subscription uses one context for as long as it is open. They belong to the
 * context, and are not entries of a weak map, as those of Pothos' plugin are: their functions refer to the context. V8 ends
 * such an entry only with a collection of the whole heap, so that until then each collection of new objects copies all that
 * an operation refers to.
 */
export function loadTogether<Value>(
  load: (context: GraphQLContext, ids: readonly string[]) => Promise<readonly (Value | Error)[]>,
): (context: GraphQLContext, id: string) => Promise<Value> {
  return (context, id) => {
    const known = context.loaders.get(load) as DataLoader<string, Value> | undefined
    const loader = known ?? new DataLoader<string, Value>((ids) => load(context, ids), { cache: false })
    if (!known) context.loaders.set(load, loader)
    return loader.load(id)
  }
}

/**
 * Declares a type of nodes, and how its objects are found by id, for `node` and for fields of other types. `find` gets the
 * viewer and must look in the viewer's environment only. Strings that are not UUIDs are not found: Postgres would report a
 * syntax error for them.
 */
export function nodeById<Item extends { readonly id: string }>(
  name: string,
  find: (context: GraphQLContext, viewer: Viewer, ids: readonly string[]) => Promise<readonly Item[]>,
) {
  const load = loadTogether<Item | null>(async (context, ids) => {
    const found = context.viewer === null ? [] : await find(context, context.viewer, ids.filter(isUuid))
    const byId = new Map(found.map((item) => [item.id, item]))
    return ids.map((id) => byId.get(id) ?? null)
  })
  const ref = builder.nodeRef<Item>(name, {
    id: { resolve: ({ id }) => id },
    loadManyWithoutCache: (ids, context) => Promise.all(ids.map((id) => load(context, id))),
  })
  return Object.assign(ref, {
    /** Returns the object with an id; null when it does not exist or the credential may not read it. */
    load,
    /** The same for a field that is not nullable: throws an error instead. */
    async require(context: GraphQLContext, id: string): Promise<Item> {
      const item = await load(context, id)
      if (item === null) throw new Error(`The ${name} ${id} is gone.`)
      return item
    },
  })
}
