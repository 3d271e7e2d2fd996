import { contentRoutes } from './api/routes.ts'
import type { Route } from './context.ts'

/** Every operation that takes a bearer token. */
export const apiRoutes: readonly Route[] = contentRoutes
