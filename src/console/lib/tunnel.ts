// What goes through the tunnel between two chassis while somebody looks: read from both switches every few seconds.
import { call } from './api.ts'

/** How often (ms) it is read. */
const EVERY = 1500

/** A tunnel in one direction: packets a second that are sent and that arrive; undefined until they are known. */
export interface TunnelRate {
  readonly sent: number
  readonly received: number
}

interface Counted extends TunnelRate {
  readonly at: number
}

/** Reads it until the returned function is called; tells the rates from the second reading on, or what is in the way. */
export const watchTunnel = (
  from: string,
  to: string,
  tell: (rate: TunnelRate | undefined, trouble: string) => void,
): (() => void) => {
  const search = new URLSearchParams({ from, to })
  let before: Counted | undefined
  let timer = 0
  let isWanted = true
  const read = async () => {
    try {
      const { tunnel } = await call<{ tunnel: TunnelRate }>('GET', `/flowright/v1/tunnels?${search}`)
      const now = { ...tunnel, at: performance.now() }
      const rate = (name: keyof TunnelRate, last: Counted) =>
        Math.max(0, now[name] - last[name]) / ((now.at - last.at) / 1000)
      if (isWanted && before) tell({ sent: rate('sent', before), received: rate('received', before) }, '')
      before = now
    } catch (error) {
      if (isWanted) tell(undefined, (error as Error).message)
    }
    if (isWanted) timer = setTimeout(read, EVERY) as unknown as number
  }
  void read()
  return () => {
    isWanted = false
    clearTimeout(timer)
  }
}
