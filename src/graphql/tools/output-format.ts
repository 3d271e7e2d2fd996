import type { OutputFormat } from '../../tools/tool.ts'
import { describedEnum } from '../described-enum.ts'

export const OutputFormatRef = describedEnum<OutputFormat>('OutputFormat', 'Format of a result.', {
  RAW: "JSON of the provider's response body.",
  COMPACT: 'JSON with the same facts in far fewer tokens. Tool.outputSchema describes it.',
  MARKDOWN: 'Markdown for a model to read.',
})
