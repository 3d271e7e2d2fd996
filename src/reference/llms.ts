/**
 * Returns docs/llms.txt, the list of the documentation for models: what the project is, and one link for each page. It is made
 * from the README.
 *
 * @see https://llmstxt.org
 */
export function llmsText(readme: string): string {
  const [, , summary = ''] = readme.split('\n')
  const [, list = ''] = /^## Documentation\n\n([\s\S]*?)\n\n## /m.exec(readme) ?? []
  if (summary === '' || list === '') throw new Error('README.md has no summary, or no list of the documentation.')
  const links = list.replaceAll(/\]\((?:docs\/)?([^)]+)\)/g, (link, path: string) =>
    link.includes('(docs/') ? `](${path})` : `](../${path})`,
  )
  return `# Valetkey\n\n> ${summary}\n\n## Documentation\n\n${links}\n`
}
