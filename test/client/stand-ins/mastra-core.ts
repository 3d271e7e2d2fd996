/** A replacement for `@mastra/core/tools`, which is too large to be installed: tools are what they are made from. */
export const createTool = (tool: unknown) => tool
