import { useId } from 'preact/hooks'
import type { ToolStatisticsQuery } from './operations.ts'

type Statistics = ToolStatisticsQuery['toolExecutionStatistics']
type Interval = Statistics['intervals'][number]

const parts = [
  { name: 'Succeeded', tone: 'succeeded', of: ({ succeeded, running }: Interval) => succeeded + running },
  { name: 'Failed', tone: 'failed', of: ({ failed }: Interval) => failed },
  { name: 'Outcome unknown', tone: 'unknown', of: ({ outcomeUnknown }: Interval) => outcomeUnknown },
] as const

const width = 960
const height = 192
const left = 44
const bottom = 24

/** Tool calls over time as stacked bars, with the same numbers as a table. */
export function Chart({ statistics, label }: { statistics: Statistics; label: string }) {
  const id = useId()
  const { intervals, since, until } = statistics
  const total = (interval: Interval) => parts.reduce((sum, { of }) => sum + of(interval), 0)
  const top = niceCeiling(Math.max(1, ...intervals.map(total)))
  const step = (width - left) / intervals.length
  const scale = (height - bottom - 8) / top
  const inDay = new Date(until).getTime() - new Date(since).getTime() <= 86_400_000
  const name = (at: string) =>
    new Date(at).toLocaleString(undefined, inDay ? { timeStyle: 'short' } : { dateStyle: 'short', timeStyle: 'short' })
  const every = Math.ceil(intervals.length / 6)
  return (
    <figure class="chart" aria-labelledby={id}>
      <figcaption class="hidden" id={id}>
        {label}
      </figcaption>
      <ul class="legend">
        {parts.map((part) => (
          <li key={part.name}>
            <span class={part.tone} />
            {part.name}: {intervals.reduce((sum, interval) => sum + part.of(interval), 0)}
          </li>
        ))}
      </ul>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
        {[0, top / 2, top].map((value) => {
          const y = height - bottom - value * scale
          return <line key={value} x1={left} x2={width} y1={y} y2={y} />
        })}
        {intervals.map((interval, index) => {
          let y = height - bottom
          return (
            <g key={interval.startsAt}>
              <title>{`${name(interval.startsAt)}: ${total(interval)} calls, ${interval.failed} failed`}</title>
              {parts.map((part) => {
                const size = part.of(interval) * scale
                y -= size
                return (
                  size > 0 && (
                    <rect
                      key={part.name}
                      class={part.tone}
                      x={left + index * step + step * 0.1}
                      y={y}
                      width={step * 0.8}
                      height={size}
                    />
                  )
                )
              })}
            </g>
          )
        })}
      </svg>
      <div class="axis" aria-hidden="true">
        {intervals
          .filter((_interval, index) => index % every === 0)
          .map(({ startsAt }) => (
            <span key={startsAt}>{name(startsAt)}</span>
          ))}
      </div>
      <p class="quiet scale" aria-hidden="true">
        Top line: {top} calls
      </p>
      <details>
        <summary>Show the numbers</summary>
        <div class="table">
          <table>
            <thead>
              <tr>
                {['From', ...parts.map((part) => part.name)].map((each) => (
                  <th key={each} scope="col">
                    {each}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {intervals.map((interval) => (
                <tr key={interval.startsAt}>
                  <td data-name="From">{name(interval.startsAt)}</td>
                  {parts.map((part) => (
                    <td key={part.name} data-name={part.name}>
                      {part.of(interval)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  )
}

/** The next number of the form 1, 2 or 5 times a power of ten; at least 2, to have a whole half. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return Math.max(2, ([1, 2, 5, 10].find((factor) => factor * power >= value) ?? 10) * power)
}
