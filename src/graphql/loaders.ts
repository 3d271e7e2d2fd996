import type { Viewer } from '../environments/viewer.ts'
import { isUuid } from '../uuid.ts'
import type { GraphQLContext } from './context.ts'

/**
 * The options of a loadable node: one query for all ids that the fields of a request need at the same time. `find` gets
 * the viewer and must look in the viewer's environment only. Strings that are not UUIDs are not found: Postgres would
 * report a syntax error for them.
 *
 * Loaders batch and do not cache, because a subscription uses one context for as long as it is open.
 */
export function loadById<Item extends { readonly id: string }>(
  find: (context: GraphQLContext, viewer: Viewer, ids: readonly string[]) => Promise<readonly Item[]>,
) {
  return {
    id: { resolve: ({ id }: Item) => id },
    load: async (ids: string[], context: GraphQLContext): Promise<readonly (Item | Error)[]> =>
      context.viewer === null ? [] : find(context, context.viewer, ids.filter(isUuid)),
    sort: ({ id }: Item) => id,
    loaderOptions: { cache: false },
  }
}
