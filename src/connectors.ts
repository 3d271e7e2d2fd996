import { notion } from './notion/connector.ts'
import type { Connector } from './tools/connector.ts'

/** The installed connectors. To install another one, add its folder and a line here; see docs/adding-a-connector.md. */
export const connectors: readonly Connector[] = [notion]
