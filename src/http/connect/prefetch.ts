/** Programs of messengers, networks and search engines that fetch a link to preview it. CUBOT makes phones. */
const previewers =
  /(?<!cu)bot\b|bot[-/]|crawler|spider|facebookexternalhit|whatsapp\/|skypeuripreview|bingpreview|msteams.*preview|embedly|iframely|googleimageproxy|slack-imgproxy/i

/**
 * Whether a request is not a person opening a page: prefetching, a link preview, or a page requested as something else
 * (an image, a frame, a script's fetch). Such a request must not bind a link to a browser: the person's own request would
 * then be refused. Programs that send none of these headers count as browsers.
 */
export function isPrefetch(headers: Headers): boolean {
  const purpose = headers.get('sec-purpose') ?? headers.get('purpose') ?? headers.get('x-moz') ?? ''
  const destination = headers.get('sec-fetch-dest') ?? 'document'
  return (
    /prefetch|preview/i.test(purpose) || destination !== 'document' || previewers.test(headers.get('user-agent') ?? '')
  )
}
