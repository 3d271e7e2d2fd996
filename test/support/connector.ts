import { notion } from '../../src/notion/connector.ts'
import type { Connector } from '../../src/tools/connector.ts'
import type { AnyTool } from '../../src/tools/tool.ts'

/** A connector with tools of a test; all else is Notion's unless given. */
export function testConnector(tools: readonly AnyTool[], given: Partial<Connector> = {}): Connector {
  return { ...notion, ...given, createTools: () => tools }
}
